package faults

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// TestMalformedRequests sends what clients do not send, or should not.
func TestMalformedRequests(t *testing.T) {
	server := testenv.Dev(t)
	d, alice := devDoor(server), server.Info.Users.Alice.PAT
	good := exchangeForm(alice.Token)
	basicOf := func(text string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(text)) + "\r\n"
	}
	const form, grant = "Content-Type: " + formType + "\r\n", "grant_type=client_credentials"
	var bomb bytes.Buffer
	packer := gzip.NewWriter(&bomb)
	_, err := packer.Write(make([]byte, times(1<<20, 100<<20)))
	require.NoError(t, err)
	require.NoError(t, packer.Close())
	for name, c := range map[string]struct {
		head, body string
		length     int // announced; 0: the body's
		want       []int
	}{
		"in order":                           {form, good, 0, []int{200}},
		"A024 huge, announced":               {form, "", 10 << 20, []int{413}},
		"A031 huge, one parameter":           {form, exchangeForm(strings.Repeat("a", 64<<10)), 0, []int{413}},
		"A033 two subject tokens":            {form, good + "&subject_token=" + alice.Token, 0, []int{400}},
		"A034 two grants":                    {form, good + "&grant_type=client_credentials", 0, []int{400}},
		"A035 Basic and body":                {form + basicOf(alice.ID+":"+alice.Secret), grant + "&client_id=" + alice.ID + "&client_secret=" + alice.Secret, 0, []int{400}},
		"A037 Basic that is no base64":       {form + "Authorization: Basic !!!\r\n", grant, 0, []int{401}},
		"A037 Basic without a colon":         {form + basicOf("nocolon"), grant, 0, []int{401}},
		"A037 Basic without a user":          {form + basicOf(":"+alice.Secret), grant, 0, []int{401}},
		"A037 Basic without a password":      {form + basicOf(alice.ID+":"), grant, 0, []int{401}},
		"A038 NUL in the user":               {form + basicOf(alice.ID+"\x00:"+alice.Secret), grant, 0, []int{401}},
		"A038 NUL in the password":           {form + basicOf(alice.ID+":"+alice.Secret+"\x00"), grant, 0, []int{401}},
		"A038 NUL in a value":                {form, good + "%00", 0, []int{400}},
		"A039 not UTF-8 in Basic":            {form + basicOf(alice.ID+"\xff:"+alice.Secret), grant, 0, []int{401}},
		"A039 not UTF-8 in a value":          {form, good + "&scope=%ff", 0, []int{400}},
		"A040 Basic encoded once":            {form + basicOf("%"+fmt.Sprintf("%02x", alice.ID[0])+alice.ID[1:]+":"+alice.Secret), grant, 0, []int{200}},
		"A040 Basic encoded twice":           {form + basicOf("%25"+fmt.Sprintf("%02x", alice.ID[0])+alice.ID[1:]+":"+alice.Secret), grant, 0, []int{401}},
		"A043 CR in a header value":          {form + "X-Forwarded-For: a\rSet-Cookie: b\r\n", good, 0, []int{400}},
		"A053 a body that is packed":         {form + "Content-Encoding: gzip\r\n", bomb.String()[:min(bomb.Len(), 60<<10)], 0, []int{415}},
		"A053 a body said to be packed":      {form + "Content-Encoding: br\r\n", good, 0, []int{415}},
		"A054 an error for a browser":        {form + "Accept: text/html\r\n", "grant_type=nothing", 0, []int{400}},
		"A057 percent sign without a number": {form, good + "&scope=%zz", 0, []int{400}},
		"A057 semicolons between parameters": {form, strings.Replace(good, "&", ";", 1), 0, []int{400}},
		"A064 a JWT of dots":                 {form, exchangeForm(strings.Repeat(".", 60<<10)), 0, []int{400}},
		"A064 a header of a megabyte":        {form + "Authorization: Bearer " + strings.Repeat("a", 1<<20) + "\r\n", good, 0, []int{431}},
		"another media type":                 {"Content-Type: text/plain\r\n", good, 0, []int{400}},
		"no media type":                      {"", good, 0, []int{400}},
		"an empty body":                      {form, "", 0, []int{400}},
	} {
		t.Run(name, func(t *testing.T) {
			length := c.length
			if length == 0 {
				length = len(c.body)
			}
			got := talk(t, d.url, "POST "+pathToken+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+c.head+"Content-Length: "+strconv.Itoa(length)+"\r\n\r\n"+c.body, 5*time.Second)
			status, head := parseAnswer(t, got)
			require.Contains(t, c.want, status, got)
			if status != http.StatusRequestHeaderFieldsTooLarge && !strings.Contains(name, "CR in") { // net/http answers these
				require.Contains(t, head, "Content-Type: application/json")
			}
			require.NotContains(t, got, "Set-Cookie")
		})
	}
	require.Equal(t, http.StatusOK, d.exchange(t, alice.Token).status)
}

// parseAnswer reads the status off the bytes of an answer.
func parseAnswer(t *testing.T, text string) (status int, head string) {
	t.Helper()
	head, _, _ = strings.Cut(text, "\r\n\r\n")
	fields := strings.Fields(head)
	require.Greater(t, len(fields), 1, "%q", text)
	status, err := strconv.Atoi(fields[1])
	require.NoError(t, err, "%q", text)
	return status, head
}

// TestMethods (A051): an endpoint takes its methods and names them to who tries
// another; scripts of other origins may read keys and metadata only.
func TestMethods(t *testing.T) {
	d := devDoor(testenv.Dev(t))
	for path, allowed := range map[string]string{
		pathToken: "POST", pathIntrospect: "POST", pathRevoke: "POST", "/oauth/token": "POST", pathUserinfo: "GET, POST",
		pathJWKS: "GET, HEAD", pathMetadata: "GET, HEAD", pathTokens: "GET, HEAD, POST", "/livez": "GET, HEAD", "/readyz": "GET, HEAD",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT-ME"} {
			got := d.send(t, method, path, "", header("Origin", "https://evil.example"))
			public := path == pathJWKS || path == pathMetadata
			if method == http.MethodOptions && public {
				require.Equal(t, http.StatusNoContent, got.status)
				require.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"))
				continue
			}
			if !public {
				require.Empty(t, got.header.Get("Access-Control-Allow-Origin"), "%s %s", method, path)
			}
			if strings.Contains(allowed, method) {
				require.NotEqual(t, http.StatusMethodNotAllowed, got.status, "%s %s", method, path)
				continue
			}
			require.Equal(t, http.StatusMethodNotAllowed, got.status, "%s %s", method, path)
			require.Contains(t, got.header.Get("Allow"), strings.Split(allowed, ",")[0], "%s %s", method, path)
			require.Empty(t, got.header.Get("Set-Cookie"))
		}
	}
}

// TestForgedHost (A049): who the client says the server is changes nothing.
func TestForgedHost(t *testing.T) {
	server := testenv.Dev(t)
	d := devDoor(server)
	want := d.get(t, pathMetadata).body
	for _, c := range []change{
		func(r *http.Request) { r.Host = "evil.example" }, header("X-Forwarded-Host", "evil.example"),
		header("X-Forwarded-Proto", "https"), header("Forwarded", "host=evil.example"),
	} {
		require.Equal(t, want, d.get(t, pathMetadata, c).body)
		require.NotContains(t, d.get(t, pathTokens, c).header.Get("Www-Authenticate"), "evil")
	}
	got := talk(t, d.url, "GET http://evil.example"+pathMetadata+" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", soon)
	require.NotContains(t, got, "evil")
}

// TestNames (A042, A043): whatever a name holds, it is refused or harmless, and
// neither a header nor a line of the log breaks.
func TestNames(t *testing.T) {
	server := testenv.Dev(t)
	d, bob := devDoor(server), bobOf(server).Token
	for name, c := range map[string]string{
		"line break": `"a\r\nSet-Cookie: b"`, "NUL": `"a\u0000b"`, "bidi": `"a\u202eb"`, "BOM": `"\ufeffa"`,
		"lone surrogate": `"a\ud800b"`, "overlong": "\"a\xc0\xafb\"", "not UTF-8": "\"a\xffb\"", "escape": `"a\u001b[31mb"`,
	} {
		got := d.json(t, http.MethodPost, pathTokens, bob, `{"name":`+c+`}`)
		require.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, got.status, name)
		if got.status == http.StatusOK {
			shown := d.get(t, pathTokens+"/"+got.member("id"), bearer(bob)).body
			for _, bad := range []string{"\r", "\n", "\x00", "\x1b", "\u202e", "\ufeff", "\xff", "\xc0"} {
				require.NotContains(t, strings.TrimSpace(shown), bad, name)
			}
		}
		require.Empty(t, got.header.Get("Set-Cookie"))
	}
	talk(t, d.url, "GET "+pathTokens+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: a\tb\u2028c\u0085{\"level\":\"forged\"}\r\n\r\n", soon)
	for line := range strings.Lines(server.Stderr()) {
		require.True(t, strings.HasPrefix(line, `{"level":"`), line)
		require.False(t, strings.HasPrefix(line, `{"level":"forged`), line)
	}
}

// TestSmuggling (A044, A045): a request hidden in another is never executed.
func TestSmuggling(t *testing.T) {
	server := testenv.Dev(t)
	d, bob := devDoor(server), bobOf(server).Token
	for name, head := range map[string]string{
		"CL.TE":                 "Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"TE.CL":                 "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
		"TE.TE":                 "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: %d\r\n\r\n0\r\n\r\n",
		"xchunked":              "Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n",
		"two Content-Length":    "Content-Length: 0\r\nContent-Length: %d\r\n\r\n",
		"bare LF in chunk size": "Transfer-Encoding: chunked\r\n\r\n0\n\r\n",
		"chunk extension":       "Transfer-Encoding: chunked\r\n\r\n0;x\n\r\n",
		"plain chunked":         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.0":              "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			victim := d.create(t, bob, "victim of "+name)
			body := encode("token", victim.Token)
			hidden := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", pathRevoke, formType, len(body), body)
			if strings.Contains(head, "%d") {
				head = fmt.Sprintf(head, 5+len(hidden))
			}
			version := "1.1"
			if name == "HTTP/1.0" {
				version = "1.0"
			}
			got := talk(t, d.url, "POST "+pathToken+" HTTP/"+version+"\r\nHost: x\r\nContent-Type: "+formType+"\r\n"+head+hidden, soon)
			require.Equal(t, 1, strings.Count(got, "HTTP/1."), "%q", got)
			status, top := parseAnswer(t, got)
			require.Contains(t, []int{400, 501}, status)
			require.Contains(t, top, "Connection: close")
			d.mint(t, victim.Token)
			require.Equal(t, http.StatusNoContent, d.json(t, http.MethodDelete, pathTokens+"/"+victim.ID, bob, "").status)
		})
	}
}
