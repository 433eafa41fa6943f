package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"unicode"
)

func printDev(out io.Writer, options *devOptions, info *devInfo) error {
	if options.json {
		return json.NewEncoder(out).Encode(info)
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	_, err = io.WriteString(out, devSteps(info, options.dataDir == "", pasteable(program)))
	return err
}

// devSteps is what a person reads and pastes; program is how to run this one.
func devSteps(info *devInfo, temporary bool, program string) string {
	kept := "kept in " + info.DataDir
	if temporary {
		kept = "in " + info.DataDir + ", removed at exit"
	}
	return fmt.Sprintf(`Cambio is ready, on loopback only, with users and tokens to try. Data: %[1]s

  issuer   %[2]s
  http     %[3]s
  https    %[4]s   (CA: %[5]s)
  alice    %[6]s
  bob      %[7]s
  admin    %[8]s

  console  %[14]s
           signs you in as admin, once

Paste into another terminal:

  # Commands and documents find the server and alice's token here
  export CAMBIO_URL=%[3]s
  export CAMBIO_TOKEN=%[6]s
  %[13]s pat list

  # A CI job exchanges alice's token for a JWT (RFC 8693)
  JWT=$(curl -s %[3]s/oauth2/token \
    -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \
    -d subject_token_type=urn:ietf:params:oauth:token-type:access_token \
    -d subject_token=%[6]s |
    sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  echo $JWT

  # An integration sends bob's token by HTTP Basic
  curl -s -u %[9]s:%[10]s \
    -d grant_type=client_credentials %[3]s/oauth2/token

  # Any service verifies the JWT offline by these keys
  curl -s %[3]s/.well-known/jwks.json

  # Is it active?
  curl -s -u %[11]s:%[12]s \
    -d token=$JWT %[3]s/oauth2/introspect

  # Revoke bob's token: whoever holds it may. Then the step that sends it fails, and says why.
  curl -s -d token=%[7]s %[3]s/oauth2/revoke

Ctrl-C ends it.
`, kept, info.Issuer, info.Addr, info.TLSAddr, info.CAFile, info.Users["alice"].PAT.Token, info.Users["bob"].PAT.Token, info.Users["admin"].PAT.Token,
		info.Users["bob"].PAT.ID, info.Users["bob"].PAT.Secret, info.Users["admin"].PAT.ID, info.Users["admin"].PAT.Secret, program, info.ConsoleURL)
}

// pasteable is how a shell runs the program at path: by its name where PATH finds
// it, by go where go has built it for this run, else by its path.
func pasteable(path string) string {
	const name = "cambio"
	if found, err := exec.LookPath(name); err == nil && sameFile(found, path) {
		return name
	}
	if source := "./cmd/" + name; strings.Contains(path, "/go-build") && exists(source) {
		return "go run " + source
	}
	if !strings.ContainsFunc(path, needsQuotes) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// needsQuotes reports whether a shell may take a character of a path for more
// than itself.
func needsQuotes(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+", r)
}

func sameFile(one, other string) bool {
	first, err := os.Stat(one)
	if err != nil {
		return false
	}
	second, err := os.Stat(other)
	return err == nil && os.SameFile(first, second)
}
