package api

import (
	"fmt"
	"slices"

	"golang.org/x/text/language"
)

// key names a text of the catalogues.
type key string

// The keys: what happened, what caused it, and what fills a cause.
const (
	messageBadRequest   key = "message.bad_request"
	messageUpdate       key = "message.illegal_update"
	messageForbidden    key = "message.forbidden"
	messageNotFound     key = "message.not_found"
	messageMethod       key = "message.method"
	messageConflict     key = "message.conflict"
	messagePrecondition key = "message.precondition"
	messageTooLarge     key = "message.too_large"
	messageMediaType    key = "message.media_type"
	messageFault        key = "message.fault"
	messageUnavailable  key = "message.unavailable"

	causeBody          key = "cause.body"
	causeBodyField     key = "cause.body_field"
	causeTypeText      key = "cause.type.text"
	causeTypeList      key = "cause.type.list"
	causeTypeTime      key = "cause.type.time"
	causeTypeSeconds   key = "cause.type.seconds"
	causeTypeFlag      key = "cause.type.flag"
	causeTypeReason    key = "cause.type.reason"
	causeTypeNumber    key = "cause.type.number"
	causeTypeMembers   key = "cause.type.members"
	causeTypeObject    key = "cause.type.object"
	causeTypePatch     key = "cause.type.patch"
	causeParameter     key = "cause.parameter"
	causeQuery         key = "cause.query"
	causeQueryName     key = "cause.query_name"
	causeQueryNone     key = "cause.query_none"
	causeRange         key = "cause.range"
	causeService       key = "cause.service"
	causeOwner         key = "cause.owner"
	causeList          key = "cause.list"
	causeField         key = "cause.field"
	causeNameTaken     key = "cause.name_taken"
	causeLimit         key = "cause.limit"
	causeLineage       key = "cause.lineage"
	causeNotActive     key = "cause.not_active"
	causeEnded         key = "cause.not_active.ended"
	causeRevoked       key = "cause.not_active.reversible"
	causeExpired       key = "cause.not_active.expired"
	causeReactivate    key = "cause.not_reactivatable"
	causeWider         key = "cause.wider"
	causeWiderScope    key = "cause.wider.scope"
	causeWiderEnd      key = "cause.wider.expiration"
	causeWiderLevel    key = "cause.wider.level"
	causeWiderTarget   key = "cause.wider.audience"
	causeWiderFrom     key = "cause.wider.networks"
	causeWiderRotate   key = "cause.wider.rotation"
	causeParentEnded   key = "cause.parent_ended"
	causeScope         key = "cause.scope"
	causeRight         key = "cause.right"
	causeRole          key = "cause.role"
	causeNotOwner      key = "cause.not_owner"
	causeTechnical     key = "cause.technical_user"
	causeTechnicalLife key = "cause.technical_user.life"
	causeGive          key = "cause.give"
	causeProvisioner   key = "cause.provisioner"
	causeBuiltIn       key = "cause.built_in"
	causeSelf          key = "cause.self"
	causeLastAdmin     key = "cause.last_administrator"
	causeChanged       key = "cause.changed"
	causeOwnerGone     key = "cause.owner_gone"
	causeTwice         key = "cause.twice"
	causePatchPath     key = "cause.patch_path"
	causePatchOp       key = "cause.patch_op"
	causePatchValue    key = "cause.patch_value"
	causePatchLength   key = "cause.patch_length"
	causePatchApply    key = "cause.patch_apply"
	causePatchTest     key = "cause.patch_test"
	causeDirName       key = "cause.taken"
	causeDirCycle      key = "cause.directory_cycle"
	causeDirReserved   key = "cause.directory.reserved"
	causeText          key = "cause.text"
	causeTryAgain      key = "cause.try_again"
	causeMediaType     key = "cause.media_type"
	causeMaxBytes      key = "cause.max_bytes"
	causeCompressed    key = "cause.compressed"
	causeUnknown       key = "cause.unknown"
	causeNoRoute       key = "cause.no_route"

	termActing key = "term.acting"
	termMaker  key = "term.maker"
)

// catalogue is the texts of one language; those of causes may hold verbs of
// package fmt.
type catalogue struct {
	tag   language.Tag
	texts map[key]string
}

// catalogues are the languages, the default first.
type catalogues struct {
	all     []catalogue
	matcher language.Matcher
}

func newCatalogues() catalogues {
	all := []catalogue{english()}
	tags := make([]language.Tag, len(all))
	for i := range all {
		tags[i] = all[i].tag
	}
	return catalogues{all: all, matcher: language.NewMatcher(tags)}
}

// speaker tells texts in the language of one request.
type speaker struct {
	catalogue
	origin string // DEFAULT, or REQUEST if the request asked for the language
}

// speaker chooses by Accept-Language (RFC 9110 §12.5.4).
func (c *catalogues) speaker(acceptLanguage string) speaker {
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err == nil && len(wanted) > 0 {
		if _, index, confidence := c.matcher.Match(wanted...); confidence > language.No {
			return speaker{catalogue: c.all[index], origin: "REQUEST"}
		}
	}
	return speaker{catalogue: c.all[0], origin: "DEFAULT"}
}

// say returns the text of a key, filled with the arguments.
func (s *speaker) say(k key, args ...any) Message {
	text := s.texts[k]
	if len(args) > 0 {
		args = slices.Clone(args)
		for i, arg := range args {
			if term, ok := arg.(key); ok {
				args[i] = s.texts[term]
			}
		}
		text = fmt.Sprintf(text, args...)
	}
	return Message{Locale: s.tag.String(), LocaleOrigin: s.origin, Text: text}
}
