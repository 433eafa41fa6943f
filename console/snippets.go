package console

import "strings"

// snippet is how a token is used somewhere.
type snippet struct{ ID, Title, Hint, Text string }

// snippets are how the token of a page is used. Only the first holds the secret, to be
// tried at once; the others take it from where it is kept.
func (s *shelf) snippets(shown *secretPage) []snippet {
	fill := strings.NewReplacer("{issuer}", s.issuer, "{token}", shown.Whole, "{audience}", s.audienceOf(shown.Token.Audience)).Replace
	made := make([]snippet, 0, len(snippetTexts))
	for _, one := range snippetTexts {
		made = append(made, snippet{ID: "use-" + one.id, Title: one.title, Hint: s.t("snippet." + one.id), Text: fill(one.text)})
	}
	return made
}

// audienceOf is the service that the snippets ask for.
func (s *shelf) audienceOf(meantFor []string) string {
	if len(meantFor) > 0 {
		return meantFor[0]
	}
	if s.audience != "" {
		return s.audience
	}
	for _, service := range s.manager.Offers(s.caller) {
		return service.Audience
	}
	return s.issuer
}

// snippetTexts are what the snippets are made from. A body that curl reads from its
// input is in no list of processes.
var snippetTexts = []struct{ id, title, text string }{
	{"curl", "curl", `curl -sS {issuer}/oauth2/token -d audience={audience} -d @- <<'EOF'
grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type=urn:ietf:params:oauth:token-type:access_token&subject_token={token}
EOF
`},
	{"github", "GitHub Actions", `- name: Exchange the token
  env:
    CAMBIO_TOKEN: ${{ secrets.CAMBIO_TOKEN }}
  run: |
    jwt=$(printf 'subject_token=%s' "$CAMBIO_TOKEN" |
      curl -sSf {issuer}/oauth2/token -d @- \
        -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \
        -d subject_token_type=urn:ietf:params:oauth:token-type:access_token \
        -d audience={audience} | jq -r .access_token)
    echo "::add-mask::$jwt"
    echo "JWT=$jwt" >> "$GITHUB_ENV"
`},
	{"gitlab", "GitLab CI", `deploy:
  script:
    # CAMBIO_TOKEN is a CI/CD variable, masked and protected
    - |
      JWT=$(printf 'subject_token=%s' "$CAMBIO_TOKEN" |
        curl -sSf {issuer}/oauth2/token -d @- \
          -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \
          -d subject_token_type=urn:ietf:params:oauth:token-type:access_token \
          -d audience={audience} | jq -r .access_token)
`},
	{"powershell", "PowerShell", `# The vault holds the token: Set-Secret -Name cambio-token
$token = Get-Secret -Name cambio-token -AsPlainText
$answer = Invoke-RestMethod -Method Post -Uri "{issuer}/oauth2/token" -Body @{
  grant_type         = "urn:ietf:params:oauth:grant-type:token-exchange"
  subject_token_type = "urn:ietf:params:oauth:token-type:access_token"
  subject_token      = $token
  audience           = "{audience}"
}
$jwt = $answer.access_token
`},
	{"nginx", "nginx", `location /api/ {
  auth_request     /_cambio;
  auth_request_set $cambio_jwt $upstream_http_authorization;
  proxy_set_header Authorization $cambio_jwt;
  proxy_set_header Private-Token "";
  proxy_pass       http://127.0.0.1:9000;
}
location = /_cambio {
  internal;
  proxy_pass              {issuer}/forward-auth?audience={audience};
  proxy_ssl_server_name   on;
  proxy_pass_request_body off;
  proxy_set_header        Content-Length  "";
  proxy_set_header        X-Forwarded-For $remote_addr;
}
`},
}
