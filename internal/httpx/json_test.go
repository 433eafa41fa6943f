package httpx_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/httpx"
)

type address struct {
	Street string `json:"street"`
}

type embedded struct {
	Note string `json:"note"`
}

type document struct {
	embedded

	Name      string             `json:"name"`
	Lifetime  *int               `json:"accessTokenValiditySeconds,omitempty"`
	Addresses []address          `json:"addresses"`
	ByName    map[string]address `json:"byName"`
	Value     json.RawMessage    `json:"value"`
	Any       any                `json:"any"`
	When      *time.Time         `json:"when"`
	Hidden    string             `json:"-"`
	Untagged  bool
	private   string
}

func TestDecodeJSON(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, encoding, body string
		kind                        error
		field                       string
	}{
		"all of it": {body: `{"name":"a","accessTokenValiditySeconds":15,"addresses":[{"street":"x"}],"byName":{"N":{"street":"y"}},
			"value":{"Any":1},"any":{"x":[1]},"when":"2026-01-01T00:00:00Z","Untagged":true,"note":"n"}`},
		"white space":           {body: " \n{}\t"},
		"charset":               {contentType: "application/json; charset=utf-8", body: `{}`},
		"null members":          {body: `{"name":null,"addresses":null}`},
		"form":                  {contentType: urlencoded, body: `{}`, kind: httpx.ErrMediaType},
		"no content type":       {contentType: "none", body: `{}`, kind: httpx.ErrMediaType},
		"gzip":                  {encoding: "gzip", body: `{}`, kind: httpx.ErrContentEncoding},
		"too large":             {body: `{"name":"` + strings.Repeat("a", 1024) + `"}`, kind: httpx.ErrTooLarge},
		"empty":                 {body: ``, kind: httpx.ErrMalformed},
		"cut":                   {body: `{"name":"a"`, kind: httpx.ErrMalformed},
		"two values":            {body: `{}{}`, kind: httpx.ErrMalformed},
		"something behind":      {body: `{} x`, kind: httpx.ErrMalformed},
		"byte order mark":       {body: "\ufeff{}", kind: httpx.ErrMalformed},
		"non-UTF-8":             {body: "{\"name\":\"\xff\"}", kind: httpx.ErrMalformed},
		"null":                  {body: `null`, kind: httpx.ErrFieldType},
		"scalar":                {body: `"x"`, kind: httpx.ErrFieldType},
		"array":                 {body: `[]`, kind: httpx.ErrFieldType},
		"unknown":               {body: `{"owner":1}`, kind: httpx.ErrUnknownField, field: "owner"},
		"capitalised":           {body: `{"Name":"a"}`, kind: httpx.ErrUnknownField, field: "Name"},
		"not a member":          {body: `{"Hidden":"a"}`, kind: httpx.ErrUnknownField, field: "Hidden"},
		"private":               {body: `{"private":"a"}`, kind: httpx.ErrUnknownField, field: "private"},
		"empty name":            {body: `{"":1}`, kind: httpx.ErrUnknownField, field: "?"},
		"unknown inside":        {body: `{"addresses":[{},{"zip":1}]}`, kind: httpx.ErrUnknownField, field: "addresses[1].zip"},
		"unknown inside map":    {body: `{"byName":{"n":{"zip":1}}}`, kind: httpx.ErrUnknownField, field: "byName.n.zip"},
		"name that is a secret": {body: `{"` + strings.Repeat("s", 49) + `":1}`, kind: httpx.ErrUnknownField, field: "?"},
		"name with a line end":  {body: `{"a\nb":1}`, kind: httpx.ErrUnknownField, field: "?"},
		"duplicate":             {body: `{"name":"a","name":"a"}`, kind: httpx.ErrDuplicate, field: "name"},
		"duplicate by escape":   {body: `{"name":"a","n\u0061me":"b"}`, kind: httpx.ErrDuplicate, field: "name"},
		"duplicate in raw":      {body: `{"value":[{"a":1,"a":2}]}`, kind: httpx.ErrDuplicate, field: "value[0].a"},
		"duplicate in any":      {body: `{"any":{"a":1,"a":2}}`, kind: httpx.ErrDuplicate, field: "any.a"},
		"wrong type":            {body: `{"name":1}`, kind: httpx.ErrFieldType, field: "name"},
		"wrong type in a list":  {body: `{"addresses":[{"street":"x"},{"street":1}]}`, kind: httpx.ErrFieldType, field: "addresses[1].street"},
		"object for a string":   {body: `{"name":{"a":1}}`, kind: httpx.ErrFieldType, field: "name"},
		"fraction":              {body: `{"accessTokenValiditySeconds":1.5}`, kind: httpx.ErrFieldType, field: "accessTokenValiditySeconds"},
		"overflow":              {body: `{"accessTokenValiditySeconds":1e99}`, kind: httpx.ErrFieldType, field: "accessTokenValiditySeconds"},
		"refused by its type":   {body: `{"when":"yesterday"}`, kind: httpx.ErrFieldType},
		"as deep as allowed":    {body: `{"any":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`},
		"too deep":              {body: `{"any":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, kind: httpx.ErrMalformed, field: "any" + strings.Repeat("[0]", 31)},
	} {
		t.Run(name, func(t *testing.T) {
			contentType := "application/json"
			if c.contentType != "" {
				contentType = strings.TrimPrefix(c.contentType, "none")
			}
			r := post("/", contentType, c.body)
			r.Header.Set("Content-Encoding", c.encoding)
			var got document
			err := httpx.DecodeJSON(httptest.NewRecorder(), r, httpx.JSONOptions{MaxBytes: 1024}, &got)
			require.ErrorIs(t, err, c.kind)
			if c.kind != nil {
				jsonErr, ok := errors.AsType[*httpx.JSONError](err)
				require.True(t, ok)
				require.Equal(t, c.field, jsonErr.Field)
				require.Contains(t, err.Error(), c.field)
			}
		})
	}
	require.Empty(t, document{}.private)
}

func TestDecodeJSONOptions(t *testing.T) {
	var got document
	optional := httpx.JSONOptions{Optional: true}
	require.NoError(t, httpx.DecodeJSON(httptest.NewRecorder(), post("/", "", ""), optional, &got))
	require.ErrorIs(t, httpx.DecodeJSON(httptest.NewRecorder(), post("/", "", "{}"), optional, &got), httpx.ErrMediaType)

	patch := httpx.JSONOptions{MediaTypes: []string{"application/json-patch+json"}}
	var operations []struct {
		Op    string          `json:"op"`
		Value json.RawMessage `json:"value"`
	}
	body := `[{"op":"replace","value":{"x":1}}]`
	require.NoError(t, httpx.DecodeJSON(httptest.NewRecorder(), post("/", "application/json-patch+json", body), patch, &operations))
	require.Len(t, operations, 1)
	require.ErrorIs(t, httpx.DecodeJSON(httptest.NewRecorder(), post("/", "application/json", body), patch, &operations), httpx.ErrMediaType)
}

// Whatever is accepted, encoding/json reads alike, and it survives printing.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"name":"a"}`, `{"name":"a","name":"b"}`, `{"any":[{"a":{"a":1}}]}`, `{"addresses":[{"street":"x"},null]}`,
		`[[[[[]]]]]`, `{"byName":{"":{}}}`, `{"value":1e5}`, `{"when":null}`, `{"any":"\ud800"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var got, want document
		err := httpx.DecodeJSON(httptest.NewRecorder(), post("/", "application/json", body), httpx.JSONOptions{}, &got)
		if err != nil {
			_, ok := errors.AsType[*httpx.JSONError](err)
			require.True(t, ok)
			return
		}
		oracle := json.NewDecoder(strings.NewReader(body))
		oracle.DisallowUnknownFields()
		require.NoError(t, oracle.Decode(&want))
		require.Equal(t, want, got)

		printed, err := json.Marshal(got)
		require.NoError(t, err)
		var again document
		require.NoError(t, httpx.DecodeJSON(httptest.NewRecorder(), post("/", "application/json", string(printed)), httpx.JSONOptions{MaxBytes: 1 << 20}, &again))
		reprinted, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(printed), string(reprinted))
	})
}
