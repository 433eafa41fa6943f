package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

// maxPage is how many entries one page of a list has at most, and unless told
// otherwise.
const maxPage = 250

// listing is what of a list is asked for.
type listing struct {
	owner         directory.ID // empty: everyone's
	filter        filter
	order         order
	limit, offset int
	count         bool
}

// ListPersonalAccessTokens answers with a page of tokens.
func (s server) ListPersonalAccessTokens(w http.ResponseWriter, r *http.Request, params ListPersonalAccessTokensParams) {
	who := callerFrom(r.Context())
	asked, err := who.listing(&params)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	shown, total, err := s.list(r.Context(), who, asked)
	if err == nil && asked.count {
		w.Header().Set("X-Total-Count", strconv.Itoa(total))
	}
	s.respond(w, r, shown, err)
}

// listing reads the parameters, and refuses what the caller may not see.
func (c *caller) listing(params *ListPersonalAccessTokensParams) (*listing, error) {
	asked := &listing{limit: maxPage, count: orZero(params.Count)}
	right := directory.ReadAllTokens
	if params.OwnerID != nil {
		asked.owner = directory.ID(*params.OwnerID)
		if asked.owner == "me" {
			asked.owner = c.Identity.ID
		}
		if !id.Valid(string(asked.owner)) { // before the right: no right makes it an id
			return nil, &requestError{key: causeOwner}
		}
		if asked.owner == c.Identity.ID && !c.May(right) {
			right = directory.ReadMyTokens
		}
	}
	if err := c.need(right); err != nil {
		return nil, err
	}
	return asked, asked.read(params)
}

// read reads the parameters that every list has. Empty filters or sorters are none.
func (l *listing) read(params *ListPersonalAccessTokensParams) (err error) {
	if params.Limit != nil {
		l.limit = *params.Limit
	}
	if l.limit < 0 || l.limit > maxPage {
		return &requestError{key: causeRange, args: []any{"limit", 0, maxPage}}
	}
	l.offset = orZero(params.Offset)
	if l.offset < 0 {
		return &requestError{key: causeRange, args: []any{"offset", 0, maxOffset}}
	}
	l.offset = min(l.offset, maxOffset)
	if text := orZero(params.Filters); text != "" {
		if l.filter, err = parseFilter(text); err != nil {
			return err
		}
	}
	if text := orZero(params.Sorters); text != "" {
		l.order, err = parseOrder(text)
	}
	return err
}

// maxOffset is more than any list has, and small enough to be added to.
const maxOffset = 1 << 31

// entry is a token in a list, with its owner where something is asked of them.
type entry struct {
	record pat.Record
	owner  *directory.Identity
}

// list returns a page, and how many there are in all if that was asked for. It
// reads no further than it must.
func (a *API) list(ctx context.Context, who *caller, asked *listing) ([]*PersonalAccessToken, int, error) {
	people, lens := a.people(who), a.lens(who)
	needsOwner := slices.ContainsFunc(slices.Concat(asked.filter.fields(), asked.order.fields()), field.needsOwner)
	query, err := a.query(ctx, who, asked.owner, people)
	if err != nil {
		return nil, 0, err
	}
	var found []entry
	for record, err := range a.tokens.List(ctx, query) {
		one := entry{record: record}
		if err == nil && needsOwner {
			one.owner, err = people.find(ctx, record.Owner)
		}
		if err != nil {
			return nil, 0, err
		}
		if !asked.wants(who, &one, lens) {
			continue
		}
		found = append(found, one)
		if asked.order.natural() && !asked.count && len(found) >= asked.offset+asked.limit {
			break
		}
	}
	if !asked.order.natural() {
		slices.SortStableFunc(found, func(a, b entry) int { return asked.order.compare(a.reader(lens), b.reader(lens)) })
	}
	page := found[min(asked.offset, len(found)):min(asked.offset+asked.limit, len(found))]
	shown := make([]*PersonalAccessToken, len(page))
	for i := range page {
		if shown[i], err = people.view(ctx, lens, &page[i].record); err != nil {
			return nil, 0, err
		}
	}
	return shown, len(found), nil
}

// wants reports whether an entry belongs to the list.
func (l *listing) wants(who *caller, e *entry, through lens) bool {
	return who.sees(&e.record) && (l.owner == "" || e.record.Owner == l.owner) && l.filter.match(e.reader(through))
}

// query narrows what the store reads: people hold their own tokens, those of a
// technical user lie with its group or organization.
func (a *API) query(ctx context.Context, who *caller, owner directory.ID, people *people) (pat.Query, error) {
	query := pat.Query{Organization: who.Identity.Organization}
	if owner == "" {
		return query, nil
	}
	identity, err := people.find(ctx, owner)
	if err != nil {
		return pat.Query{}, err
	}
	if identity == nil || identity.Type == directory.User {
		query.Holder = owner
	}
	return query, nil
}

// reader tells what an entry has in each field.
func (e *entry) reader(l lens) func(field) value {
	return func(f field) value {
		record := &e.record
		switch f {
		case fieldID:
			return textValue(string(record.ID))
		case fieldName:
			return textValue(record.Name)
		case fieldDescription:
			return textOrNull(record.Description)
		case fieldScope:
			return textOrNull(strings.Join(record.Scope, " "))
		case fieldLevel:
			return textValue(string(record.Level))
		case fieldStatus:
			return textValue(string(l.status(record)))
		case fieldCreated:
			return timeOrNull(record.Created)
		case fieldExpiration:
			return timeOrNull(l.expiration(record))
		case fieldLastUsed:
			return timeOrNull(record.LastUsed)
		case fieldManaged:
			return flagValue(record.Managed)
		case fieldOwnerID:
			return textValue(string(record.Owner))
		default:
			return e.ofOwner(f, l)
		}
	}
}

// ofOwner tells what the owner has in a field; null if they are gone.
func (e *entry) ofOwner(f field, l lens) value {
	if e.owner == nil {
		return value{}
	}
	switch f {
	case fieldOwnerName:
		return textOrNull(e.owner.DisplayName)
	case fieldOwnerUsername:
		return textValue(e.owner.Username)
	case fieldOwnerStatus:
		return textValue(string(e.owner.Status(l.policy, l.now)))
	default:
		return value{}
	}
}
