package reference

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// pageView is what the template shows.
type pageView struct {
	Title, Version, Base string
	Style                string // address of the style sheet
	Description          []block
	Credentials          []credentialView
	Tags                 []tagView
	Schemas              []schemaView
}

type credentialView struct {
	Name        string
	How         []span
	Description []block
}

type tagView struct {
	ID, Name    string
	Description []block
	Operations  []operationView
}

type operationView struct {
	ID, Method, Path, Summary string
	Deprecated                bool
	Description               []block
	Parameters                []parameterGroup
	Body                      *bodyView
	Answers                   []answerView
}

// parameterGroup is the parameters of one place: the path, the query, a header.
type parameterGroup struct {
	Place  string
	Fields []fieldView
}

type bodyView struct {
	Required    bool
	Description []block
	Content     []contentView
}

// answerView is an answer, or several statuses that are answered alike.
type answerView struct {
	Statuses    []string
	Good        bool
	Description []block
	Headers     []fieldView
	Content     []contentView
	ref         string
}

// contentView is a body in one media type.
type contentView struct {
	Media    string
	Type     []part
	Notes    []note
	Fields   []fieldView
	Examples []exampleView
}

type exampleView struct{ Title, Text string }

type schemaView struct {
	ID, Name    string
	Type        []part
	Description []block
	Notes       []note
	Fields      []fieldView
	UsedBy      []part
}

// builder makes the view of a document, and collects what is wrong with it.
type builder struct {
	doc  *document
	errs []error
	used map[string][]part // the operations that name a schema
}

func (b *builder) fail(err error) { b.errs = append(b.errs, err) }

// build returns the view, or every reference that leads nowhere.
func build(doc *document) (*pageView, error) {
	b := &builder{doc: doc, used: map[string][]part{}}
	view := &pageView{Title: doc.Info.Title, Version: doc.Info.Version, Description: markdown(doc.Info.Description)}
	if len(doc.Servers) > 0 {
		view.Base = strings.TrimSuffix(doc.Servers[0].URL, "/")
	}
	for _, one := range doc.Components.SecuritySchemes {
		view.Credentials = append(view.Credentials, credential(one))
	}
	view.Tags = b.tags()
	for _, one := range doc.Components.Schemas {
		view.Schemas = append(view.Schemas, b.schema(one.Name, one.Value))
	}
	return view, errors.Join(b.errs...)
}

func credential(one named[scheme]) credentialView {
	view := credentialView{Name: one.Name, Description: markdown(one.Value.Description)}
	switch s := one.Value; {
	case s.Type == "http" && strings.EqualFold(s.Scheme, "basic"):
		view.How = []span{{Text: "Authorization: Basic …", Code: true}}
	case s.Type == "http":
		view.How = []span{{Text: "Authorization: Bearer …", Code: true}}
	case s.Type == "apiKey":
		view.How = []span{{Text: s.Name + ": …", Code: true}, {Text: " as " + s.In}}
	default:
		view.How = []span{{Text: s.Type}}
	}
	return view
}

// tags groups the operations by their first tag, in the order of the tags.
func (b *builder) tags() []tagView {
	var views []tagView
	for _, tag := range b.doc.Tags {
		views = append(views, tagView{ID: "tag-" + slug(tag.Name), Name: tag.Name, Description: markdown(tag.Description)})
	}
	for i := range b.doc.Paths {
		path := &b.doc.Paths[i]
		for _, method := range path.Value.methods() {
			if method.Value == nil {
				continue
			}
			name := "other"
			if len(method.Value.Tags) > 0 {
				name = method.Value.Tags[0]
			}
			at := slices.IndexFunc(views, func(view tagView) bool { return view.Name == name })
			if at < 0 {
				at = len(views)
				views = append(views, tagView{ID: "tag-" + slug(name), Name: name})
			}
			views[at].Operations = append(views[at].Operations, b.operation(path, method.Name, method.Value))
		}
	}
	return slices.DeleteFunc(views, func(view tagView) bool { return len(view.Operations) == 0 })
}

func (b *builder) operation(path *named[pathItem], method string, op *operation) operationView {
	view := operationView{
		ID: "op-" + slug(cmp.Or(op.OperationID, method+" "+path.Name)), Method: method, Path: path.Name,
		Summary: cmp.Or(op.Summary, op.OperationID, method+" "+path.Name), Deprecated: op.Deprecated, Description: markdown(op.Description),
	}
	view.Parameters = b.parameters(slices.Concat(path.Value.Parameters, op.Parameters))
	if op.RequestBody != nil {
		view.Body = b.body(op.RequestBody)
	}
	for _, one := range op.Responses {
		view.Answers = b.answer(view.Answers, one)
	}
	b.use(&view)
	return view
}

// use remembers which schemas an operation names.
func (b *builder) use(view *operationView) {
	var content []contentView
	if view.Body != nil {
		content = append(content, view.Body.Content...)
	}
	for i := range view.Answers {
		if view.Answers[i].Good { // every operation may fail
			content = append(content, view.Answers[i].Content...)
		}
	}
	self := part{Text: view.Summary, Link: view.ID}
	for _, one := range content {
		for _, named := range one.Type {
			if named.Link != "" && !slices.Contains(b.used[named.Link], self) {
				b.used[named.Link] = append(b.used[named.Link], self)
			}
		}
	}
}

// parameters groups parameters by where they are sent; one of the operation goes
// before the path's of the same name.
func (b *builder) parameters(all []parameter) []parameterGroup {
	groups := []parameterGroup{{Place: "path"}, {Place: "query"}, {Place: "header"}}
	for i := range all {
		one := all[i]
		if one.Ref != "" {
			found, err := follow(b.doc.Components.Parameters, one.Ref, "parameters")
			if err != nil {
				b.fail(err)
				continue
			}
			one = found
		}
		at := slices.IndexFunc(groups, func(group parameterGroup) bool { return group.Place == one.In })
		if at < 0 {
			continue
		}
		fields := &groups[at].Fields
		*fields = slices.DeleteFunc(*fields, func(other fieldView) bool { return other.Name == one.Name })
		*fields = append(*fields, b.parameter(one.Name, &one))
	}
	return slices.DeleteFunc(groups, func(group parameterGroup) bool { return len(group.Fields) == 0 })
}

func (b *builder) parameter(name string, one *parameter) fieldView {
	view := b.field(name, one.Schema, one.Required, 0)
	view.Deprecated = view.Deprecated || one.Deprecated
	if one.Description != "" {
		view.Description = markdown(one.Description)
	}
	if text := literal(&one.Example); text != "" {
		view.Notes = append(view.Notes, note{Label: "Example", Codes: []string{text}})
	}
	return view
}

func (b *builder) body(one *body) *bodyView {
	if one.Ref != "" {
		found, err := follow(b.doc.Components.RequestBodies, one.Ref, "requestBodies")
		if err != nil {
			b.fail(err)
			return nil
		}
		one = &found
	}
	return &bodyView{Required: one.Required, Description: markdown(one.Description), Content: b.content(one.Content)}
}

// answer appends an answer to those before it. A failure that is described by the
// same component as one before joins it.
func (b *builder) answer(before []answerView, one named[response]) []answerView {
	ref, from := one.Value.Ref, one.Value
	good := strings.HasPrefix(one.Name, "2")
	if ref != "" {
		if at := slices.IndexFunc(before, func(view answerView) bool { return !good && view.ref == ref && !view.Good }); at >= 0 {
			before[at].Statuses = append(before[at].Statuses, one.Name)
			return before
		}
		found, err := follow(b.doc.Components.Responses, ref, "responses")
		if err != nil {
			b.fail(err)
			return before
		}
		from = found
	}
	view := answerView{Statuses: []string{one.Name}, Good: good, Description: markdown(from.Description), Content: b.content(from.Content), ref: ref}
	for _, header := range from.Headers {
		if header.Value.Ref != "" {
			found, err := follow(b.doc.Components.Headers, header.Value.Ref, "headers")
			if err != nil {
				b.fail(err)
				continue
			}
			header.Value = found
		}
		view.Headers = append(view.Headers, b.parameter(header.Name, &header.Value))
	}
	return append(before, view)
}

func (b *builder) content(all ordered[media]) []contentView {
	var views []contentView
	for _, one := range all {
		view := contentView{Media: one.Name, Type: b.typeOf(one.Value.Schema), Fields: b.fields(one.Value.Schema, 0)}
		if one.Value.Schema != nil {
			view.Notes = b.notes(one.Value.Schema)
		}
		if text, err := toJSON(&one.Value.Example); one.Value.Example.Kind != 0 && err == nil {
			view.Examples = append(view.Examples, exampleView{Title: "Example", Text: string(text)})
		}
		for _, given := range one.Value.Examples {
			if text, err := toJSON(&given.Value.Value); err == nil {
				view.Examples = append(view.Examples, exampleView{Title: cmp.Or(given.Value.Summary, given.Name), Text: string(text)})
			}
		}
		views = append(views, view)
	}
	return views
}

func (b *builder) schema(name string, s *schema) schemaView {
	id := "schema-" + name
	if s == nil { // nothing is said of it
		s = &schema{}
	}
	return schemaView{
		ID: id, Name: name, Type: b.typeOf(s), Description: markdown(s.Description), Notes: b.notes(s), Fields: b.fields(s, 0), UsedBy: b.used[id],
	}
}

// slug is text as part of an id: letters and digits as they are, a dash for the rest.
func slug(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, text), "-")
}
