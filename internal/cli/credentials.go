package cli

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// scopeCredentials is what an exchange asks for that wants credentials of other systems.
const scopeCredentials = "credentials"

// variables are the names that programs look for: the SDKs of AWS, and libpq.
func variables() map[string]string {
	return map[string]string{ //nolint:gosec // names
		"access_token":               "ACCESS_TOKEN",
		"aws_access_key_id":          "AWS_ACCESS_KEY_ID",
		"aws_secret_access_key":      "AWS_SECRET_ACCESS_KEY",
		"aws_session_token":          "AWS_SESSION_TOKEN",
		"aws_credentials_expiration": "AWS_CREDENTIAL_EXPIRATION",
		"db_host":                    "PGHOST",
		"db_port":                    "PGPORT",
		"db_database":                "PGDATABASE",
		"db_username":                "PGUSER",
		"db_password":                "PGPASSWORD",
	}
}

// answerMembers are what the answer to an exchange tells by itself, but for the JWT.
func answerMembers() []string {
	return []string{"issued_token_type", "token_type", "expires_in", "scope", "client_id", "issuer", "pat_expires_at"}
}

// variablePrefix begins the names of all other variables, so that no answer sets what a
// shell or a loader obeys.
const variablePrefix = "CREDENTIAL_"

var memberName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// variable is a member of an answer in the environment.
type variable struct{ name, value string }

// variablesOf returns the JWT and the credentials of an answer.
func variablesOf(body []byte) ([]variable, error) {
	all, err := members(body)
	if err != nil {
		return nil, err
	}
	var out []variable
	for _, m := range all {
		if slices.Contains(answerMembers(), m.name) {
			continue
		}
		var value string
		if err := json.Unmarshal(m.value, &value); err != nil || !memberName.MatchString(m.name) || strings.ContainsRune(value, 0) {
			return nil, &Error{Code: "unexpected_answer", Cause: "the answer has a member that cannot be a variable", Fix: "look at it with -o json"}
		}
		name, known := variables()[m.name]
		if !known {
			name = variablePrefix + strings.ToUpper(m.name)
		}
		out = append(out, variable{name, value})
	}
	return out, nil
}

// printExports prints assignments for a POSIX shell.
func (c *call) printExports(body []byte) error {
	all, err := variablesOf(body)
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, v := range all {
		out.WriteString("export " + v.name + "='" + strings.ReplaceAll(v.value, "'", `'\''`) + "'\n")
	}
	return c.write([]byte(out.String()))
}

// execute runs the command behind -- with the variables, in place of this one.
func (c *call) execute(body []byte) error {
	all, err := variablesOf(body)
	if err != nil {
		return err
	}
	env := make([]string, 0, len(all))
	for _, v := range all {
		env = append(env, v.name+"="+v.value)
	}
	if err := c.env.Exec(c.command.Context(), c.args, env); err != nil {
		return &Error{Code: "exec", Cause: err.Error(), Fix: "name a program that is in PATH, or by its path", Exit: ExitUsage}
	}
	return nil
}

// printProcess prints what the SDKs of AWS read of a credential_process.
func (c *call) printProcess(body []byte) error {
	var got struct {
		ID         string `json:"aws_access_key_id"`
		Key        string `json:"aws_secret_access_key"`
		Session    string `json:"aws_session_token"`
		Expiration string `json:"aws_credentials_expiration"`
	}
	if err := decode(body, &got); err != nil {
		return err
	}
	if got.ID == "" || got.Key == "" {
		return &Error{
			Code: "no_aws_credentials", Cause: "the answer holds no AWS credentials",
			Fix: "ask whoever runs the server for an S3 provider without a prefix; -o json shows what there is",
		}
	}
	text, err := json.Marshal(struct { //nolint:gosec // it is asked for
		Version         int
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string `json:",omitempty"`
		Expiration      string `json:",omitempty"`
	}{1, got.ID, got.Key, got.Session, got.Expiration})
	if err != nil {
		return err
	}
	return c.write(append(text, '\n'))
}
