package api

import (
	"cmp"
	"strings"
	"time"
)

// field names something by which a list is filtered or sorted.
type field string

const (
	fieldID            field = "id"
	fieldName          field = "name"
	fieldOwnerID       field = "owner.id"
	fieldOwnerName     field = "owner.name"
	fieldOwnerUsername field = "ownerUsername"
	fieldOwnerStatus   field = "ownerStatus"
	fieldStatus        field = "status"
	fieldLevel         field = "level"
	fieldScope         field = "scope"
	fieldDescription   field = "description"
	fieldCreated       field = "created"
	fieldExpiration    field = "expirationDate"
	fieldLastUsed      field = "lastUsed"
	fieldManaged       field = "managed"
)

// needsOwner reports whether the owner must be looked up to know the field.
func (f field) needsOwner() bool {
	return f == fieldOwnerName || f == fieldOwnerUsername || f == fieldOwnerStatus
}

// kind says of what kind the values of a field are.
type kind int

const (
	ofText kind = iota + 1
	ofChoice
	ofTime
	ofFlag
)

// value is what a field holds, or what it is compared with. The zero value is
// null.
type value struct {
	kind kind // 0: null
	text string
	time time.Time
	flag bool
}

func textValue(text string) value { return value{kind: ofText, text: text} }

// textOrNull is null for an empty text.
func textOrNull(text string) value {
	if text == "" {
		return value{}
	}
	return textValue(text)
}

// timeOrNull is null for a zero time.
func timeOrNull(t time.Time) value {
	if t.IsZero() {
		return value{}
	}
	return value{kind: ofTime, time: t}
}

func flagValue(flag bool) value { return value{kind: ofFlag, flag: flag} }

func (v value) null() bool { return v.kind == 0 }

func (v value) equal(other value) bool {
	return v.kind == other.kind && v.text == other.text && v.flag == other.flag && v.time.Equal(other.time)
}

// compare orders values of one kind; texts by byte.
func (v value) compare(other value) int {
	return cmp.Or(strings.Compare(v.text, other.text), v.time.Compare(other.time))
}

// collate orders values as people expect to see them: texts whatever their case.
func (v value) collate(other value) int {
	return cmp.Or(strings.Compare(strings.ToLower(v.text), strings.ToLower(other.text)), v.compare(other))
}
