package postgres

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxName is how long a name is at most, in bytes. Servers cut a longer one off, and so
// might take it for another.
const maxName = 63

// identifier quotes a name.
func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }

// literal quotes a text that has no NUL, whatever standard_conforming_strings says.
func literal(text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.Contains(text, `\`) {
		return " E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// timestamp is an instant as a literal.
func timestamp(at time.Time) string { return literal(at.UTC().Format("2006-01-02 15:04:05.000000+00")) }

// settingName is the name of a parameter of the server. One with a dot, of an extension or
// of one's own, is not for who is no superuser to set for a role.
var settingName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// checkSetting refuses a name that is none of a parameter.
func checkSetting(name string) error {
	if len(name) > maxName || !settingName.MatchString(name) {
		return errors.New("is not the name of a parameter: use lower-case letters, digits and underscores")
	}
	return nil
}

// assignment is name TO value. A list is one literal an item: in one literal it would be one name.
func assignment(name, value string) string {
	values := []string{value}
	if slices.Contains([]string{"search_path", "temp_tablespaces", "local_preload_libraries"}, name) {
		values = strings.Split(value, ",")
	}
	for i, item := range values {
		values[i] = literal(strings.TrimSpace(item))
	}
	return identifier(name) + " TO " + strings.Join(values, ", ")
}
