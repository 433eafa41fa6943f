package peers

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown/cache"
	opa "github.com/open-policy-agent/opa/v1/version"
	"github.com/stretchr/testify/require"
)

// TestOPA: a policy in Rego fetches the published keys, verifies and decides by scope.
func TestOPA(t *testing.T) {
	t.Parallel()
	t.Log("OPA", opa.Version)
	g := newGuarded(t)
	policy := page("opa.md").block(t, 0, "https://sts.example.com", g.issuer)
	query, err := rego.New(rego.Query("data.cambio.decision"), rego.Module("cambio.rego", policy)).PrepareForEval(t.Context())
	require.NoError(t, err)
	config, err := cache.ParseCachingConfig(nil)
	require.NoError(t, err)
	answers := rego.EvalInterQueryBuiltinCache(cache.NewInterQueryCache(config)) // as the server has
	point := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(decide(query, answers, r))
	}))
	t.Cleanup(point.Close)
	g.checks(guard{url: point.URL + "/orders", refused: http.StatusUnauthorized, lacking: http.StatusForbidden})
}

// decide asks the policy as an enforcement point does. What is not decided is 500.
func decide(query rego.PreparedEvalQuery, answers rego.EvalOption, r *http.Request) int {
	input := map[string]any{
		"method": r.Method, "path": strings.Split(strings.Trim(r.URL.Path, "/"), "/"),
		"token": strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "),
	}
	results, err := query.Eval(r.Context(), rego.EvalInput(input), answers)
	if err != nil || len(results) != 1 {
		return http.StatusInternalServerError
	}
	var decision struct {
		Status int `json:"status"`
	}
	text, err := json.Marshal(results[0].Expressions[0].Value)
	if err != nil || json.Unmarshal(text, &decision) != nil || decision.Status == 0 {
		return http.StatusInternalServerError
	}
	return decision.Status
}
