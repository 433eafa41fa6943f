package query

import "fmt"

// Fix names what to do about a filter or sorter that is wrong. It is stable: a door
// finds its own words for it, in any language.
type Fix string

// The fixes.
const (
	FixAnd         Fix = "and"
	FixComparisons Fix = "comparisons"
	FixBytes       Fix = "bytes"
	FixText        Fix = "text"
	FixField       Fix = "field"
	FixOperator    Fix = "operator"
	FixList        Fix = "list"
	FixValues      Fix = "values"
	FixNext        Fix = "next"
	FixFlag        Fix = "flag"
	FixChoice      Fix = "choice"
	FixTime        Fix = "time"
	FixQuotes      Fix = "quotes"
	FixEscape      Fix = "escape"
	FixEnd         Fix = "end"
	FixSorter      Fix = "sorter"
	FixOnce        Fix = "once"
)

// FixTexts returns each of them in English, with the verbs of package fmt that its
// arguments fill.
func FixTexts() map[Fix]string {
	return map[Fix]string{
		FixAnd:         `join comparisons by "and"; there is no "or", "not" or parenthesis around them`,
		FixComparisons: `use at most %d comparisons`,
		FixBytes:       `use at most %d bytes`,
		FixText:        `use UTF-8 without control characters`,
		FixField:       `begin with one of the fields %s`,
		FixOperator:    `compare %s by one of %s`,
		FixList:        `write the values of in as ("a", "b")`,
		FixValues:      `use at most %d values`,
		FixNext:        `go on with "," and another value, or end the values with ")"`,
		FixFlag:        `compare %s with true or false`,
		FixChoice:      `%s is one of %s`,
		FixTime:        `write a time of RFC 3339 such as 2017-07-11T18:45:37.098Z`,
		FixQuotes:      `put the value in double quotes`,
		FixEscape:      `write a backslash as \\ and a quote as \"`,
		FixEnd:         `end the value with a double quote`,
		FixSorter:      `sort by one of %s; a leading - descends`,
		FixOnce:        `name each field once`,
	}
}

// Error says where a filter or sorter is wrong and how to mend it.
type Error struct {
	Parameter string // filters or sorters
	Position  int    // of the character at fault, from 1
	Fix       Fix
	Args      []any // what fills the text of the fix
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: at character %d: %s", e.Parameter, e.Position, fmt.Sprintf(FixTexts()[e.Fix], e.Args...))
}
