package alerts

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

const pages = "https://github.com/cambio-sts/cambio/blob/main/docs/runbooks/"

// Every alert has a scenario and a page, and none is left over.
func TestEveryAlertIsHeld(t *testing.T) {
	held, written := map[string]bool{}, map[string]bool{}
	for name := range scenarios() {
		alert, _, _ := strings.Cut(name, "/")
		held[alert] = true
	}
	files, err := filepath.Glob(root + "/docs/runbooks/Cambio*.md")
	require.NoError(t, err)
	for _, file := range files {
		written[strings.TrimSuffix(filepath.Base(file), ".md")] = true
	}
	index, err := os.ReadFile(root + "/docs/runbooks/README.md")
	require.NoError(t, err)
	var units []byte
	for _, name := range []string{"alerts_test.yaml", "alerts_days_test.yaml"} {
		text, err := os.ReadFile(root + "/deploy/prometheus/" + name)
		require.NoError(t, err)
		units = append(units, text...)
	}
	there := map[string]bool{}
	for _, group := range groups(t) {
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				continue
			}
			there[rule.Alert] = true
			require.Contains(t, []string{"critical", "warning", "info"}, rule.Labels["severity"], rule.Alert)
			require.Equal(t, pages+rule.Alert+".md", rule.Annotations["runbook_url"])
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			after := "at once"
			if rule.For != 0 {
				after = rule.For.String()
			}
			require.Contains(t, string(index), "| ["+rule.Alert+"]("+rule.Alert+".md) | "+rule.Labels["severity"]+" | "+after+" |")
			require.Contains(t, string(units), `ALERTS{alertname="`+rule.Alert+`",alertstate="firing"`, "a unit test has it fire")
		}
	}
	require.NotEmpty(t, there)
	require.Equal(t, slices.Sorted(maps.Keys(there)), slices.Sorted(maps.Keys(held)), "scenarios")
	require.Equal(t, slices.Sorted(maps.Keys(there)), slices.Sorted(maps.Keys(written)), "runbooks")
}

// promtool is a Prometheus that operators have, older than the one of this module.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := testenv.Need(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml", "alerts_days_test.yaml"}} {
		command := exec.CommandContext(t.Context(), promtool, args...)
		command.Dir = root + "/deploy/prometheus"
		text, err := command.CombinedOutput()
		require.NoError(t, err, "%s", text)
		require.Contains(t, string(text), "SUCCESS")
	}
}
