package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/text/language"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/httpx"
	"github.com/cambio-sts/cambio/internal/query"
	"github.com/cambio-sts/cambio/pat"
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
	causeReplaced      key = "cause.replaced"
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
	causeTooMany       key = "cause.directory.too_many"
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

	// What package httpx finds in a body.
	termMalformed key = "term.malformed"
	termDuplicate key = "term.duplicate"
	termUnknown   key = "term.unknown_field"
	termType      key = "term.field_type"
)

// ruleKey names the text of a rule of fields.
func ruleKey[T ~string](rule T) key { return key("rule." + string(rule)) }

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

// newCatalogues returns those of the product and the others.
func newCatalogues(others ...Catalogue) catalogues {
	all := shipped()
	for _, other := range others {
		all = append(all, other.catalogue)
	}
	tags := make([]language.Tag, len(all))
	for i := range all {
		tags[i] = all[i].tag
	}
	return catalogues{all: all, matcher: language.NewMatcher(tags)}
}

// fixKey names the text of what to do about a filter or sorter.
func fixKey(fix query.Fix) key { return key("fix." + string(fix)) }

// shipped are the catalogues of the product. The rules of the domain speak English
// themselves.
func shipped() []catalogue {
	all := []catalogue{english(), german()}
	for rule, text := range directory.RuleTexts() {
		all[0].texts[ruleKey(rule)] = text
	}
	for fix, text := range query.FixTexts() {
		all[0].texts[fixKey(fix)] = text
	}
	for rule, text := range pat.RuleTexts() {
		all[0].texts[ruleKey(rule)] = text
	}
	return all
}

// merge joins the parts of a catalogue.
func merge(parts ...map[key]string) map[key]string {
	all := map[key]string{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

// speaker tells texts in the language of one request, and in English what that
// language lacks.
type speaker struct {
	catalogue

	fallback catalogue
	origin   string // DEFAULT, or REQUEST if the request asked for the language
}

// speaker chooses by Accept-Language (RFC 9110 §12.5.4).
func (c *catalogues) speaker(acceptLanguage string) speaker {
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err == nil && len(wanted) > 0 {
		if _, index, confidence := c.matcher.Match(wanted...); confidence > language.No {
			return speaker{catalogue: c.all[index], fallback: c.all[0], origin: originRequest}
		}
	}
	return speaker{catalogue: c.all[0], fallback: c.all[0], origin: originDefault}
}

// The values of localeOrigin.
const (
	originDefault = "DEFAULT"
	originRequest = "REQUEST"
)

// say returns the text of a key, filled with the arguments, and the language that
// it is in.
func (s *speaker) say(k key, args ...any) Message {
	if _, known := s.texts[k]; !known {
		return Message{Locale: s.fallback.tag.String(), LocaleOrigin: originDefault, Text: s.text(k, args)}
	}
	return Message{Locale: s.tag.String(), LocaleOrigin: s.origin, Text: s.text(k, args)}
}

// text returns the text of a key, filled with the arguments. Those that have a text
// themselves are told in the same language.
func (s *speaker) text(k key, args []any) string {
	text, known := s.texts[k]
	if !known {
		text = s.fallback.texts[k]
	}
	if len(args) == 0 {
		return text
	}
	filled := slices.Clone(args)
	for i, arg := range filled {
		switch arg := arg.(type) {
		case key:
			filled[i] = s.text(arg, nil)
		case cause:
			filled[i] = s.text(arg.key, arg.args)
		case error:
			if term, known := bodyTerm(arg); known {
				filled[i] = s.text(term, nil)
			}
		default:
		}
	}
	return fmt.Sprintf(text, filled...)
}

// bodyTerm returns the text for what package httpx finds wrong with JSON.
func bodyTerm(err error) (term key, known bool) {
	for _, found := range []struct {
		is   error
		term key
	}{
		{httpx.ErrMalformed, termMalformed},
		{httpx.ErrDuplicate, termDuplicate},
		{httpx.ErrUnknownField, termUnknown},
		{httpx.ErrFieldType, termType},
	} {
		if errors.Is(err, found.is) {
			return found.term, true
		}
	}
	return "", false
}
