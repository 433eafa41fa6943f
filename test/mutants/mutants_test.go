package mutants_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
)

// mutant is one check taken out.
type mutant struct {
	check    string   // its number in the pipeline, and what goes missing
	file     string   // from the root of the module
	old, new string   // old must occur once
	packages []string // flags of go test may stand before them
}

func mutants() []mutant {
	domain, useCase := []string{"./pat"}, []string{"./exchange"}
	redis := []string{"-run", "^TestStore$", "./storage/redis"}
	recent := []string{"-run", "Remembered", "./storage/bolt"}
	stale := []string{"-run", "^TestStalePromotion$", "./storage/redis"}
	ended, again := []string{"-run", "^TestStore$/.*/^Ended$", "./storage/redis"}, []string{"-run", "^TestEndedIsToldAgain$", "./storage/redis"}
	return []mutant{
		{"1 checksum", "pat/token.go", "return string(sum[:]) == tail[secretLen:]", "return sum[0] != 0", domain},
		{"1 parse before the store", "exchange/prove.go", "token, err := credential.parse(e.Tokens.Format())\n\tif err != nil {", "token, err := credential.parse(e.Tokens.Format())\n\tif false && err != nil {", useCase},
		{"2 the record is the token's", "pat/use.go", "case used.Record.ID != token.ID():", "case false:", domain},
		{"3 digest", "pat/use.go", "case matched.IsZero():", "case false:", domain},
		{"3 digest, all of it", "pat/digest.go", "same := subtle.ConstantTimeCompare(d.Sum[:], other.Sum[:])", "same := subtle.ConstantTimeCompare(nil, nil)", domain},
		{"3 digest, previous after its grace", "pat/use.go", "case old && !used.Now.Before(used.Verifier.PreviousUntil):", "case false:", domain},
		{"4 revoked", "pat/use.go", "\tcase StateRevoked:\n\t\treturn &RefusedError{", "\tcase StateRevoked:\n\t\treturn nil\n\t\treturn &RefusedError{", domain},
		{"4 auto-revoked", "pat/use.go", "\t\treturn expiredRefusal(cause, EffectiveExpiration(record, policy))", "\t\t_ = cause\n\t\treturn nil", domain},
		{"4 unknown state", "pat/use.go", "\t\treturn &RefusedError{Cause: CauseRevoked, Description: \"the token was revoked\"}", "\t\treturn nil", domain},
		{"4 of a JWT", "pat/use.go", "case use.Record.State != StateActive:", "case false:", domain},
		{"4 generation of a JWT", "pat/use.go", "case use.Record.Generation != generation:", "case false:", domain},
		{"4 a JWT revoked by itself", "pat/use.go", "case live.Revoked:", "case false:", domain},
		{"5 expiry by policy", "pat/use.go", "if effective.IsZero() || use.Now.Before(effective) {", "if true {", domain},
		{"5 expiry, exclusive", "pat/record.go", "return !r.Expiration.IsZero() && !now.Before(r.Expiration)", "return !r.Expiration.IsZero() && now.After(r.Expiration)", domain},
		{"5 expiry in bolt", "storage/bolt/uses.go", "return right && record.State == pat.StateActive && record.ExpiredAt(used.Now)\n", "return right && false\n", []string{"./storage/bolt"}},
		{"5 only with the right secret, in bolt", "storage/bolt/uses.go", "return right && record.State == pat.StateActive && record.ExpiredAt(used.Now)\n", "return (right || true) && record.State == pat.StateActive && record.ExpiredAt(used.Now)\n", []string{"./storage/bolt"}},
		{"3 nothing of the past in bolt", "storage/bolt/recent.go", "if token != nil && token.writes != r.begun.Load() {", "if false && token.writes != r.begun.Load() {", recent},
		{"3 nothing read during a write in bolt", "storage/bolt/recent.go", "return writes, r.ended.Load() == writes", "return writes, true", []string{"-run", "^TestNoUseSeesThePast$", "./storage/bolt"}},
		{"3 secret of a remembered token", "storage/bolt/recent.go", "if !known || !current && !previous {", "if !known || false && !current && !previous {", recent},
		{"4 a JWT of a remembered token", "storage/bolt/recent.go", " && (p.JTI == \"\" || !token.revoked)", "", recent},
		{"5 expiry in Redis", "storage/redis/scripts/use.lua", "if p[1] == 'ACTIVE' and p[2] and now >= tonumber(p[2])", "if p[1] == 'ACTIVE' and p[2] and now < 0", redis},
		{"5 only with the right secret, in Redis", "storage/redis/scripts/use.lua", "if not right and not previous then", "if not v[1] then", redis},
		{"6 owner", "pat/use.go", "\tif err := s.checkState(ctx, &use, &presentation, policy); err != nil {\n\t\treturn use, err\n\t}\n\treturn use, checkOwner(&use.Record, &use.Owner, policy, use.Now)", "\treturn use, s.checkState(ctx, &use, &presentation, policy)", domain},
		{"6 owner gone", "pat/use.go", "if owner.ID != record.Owner || owner.Organization != record.Organization {", "if false {", domain},
		{"7 role", "exchange/prove.go", "if p.Record.Level == pat.Personal && !p.access.HoldsOrganizationRole(", "if false && !p.access.HoldsOrganizationRole(", useCase},
		{"8 network", "exchange/prove.go", "if !permitNetwork(peer, &p.Record, p.policy) {", "if false && !permitNetwork(peer, &p.Record, p.policy) {", useCase},
		{"9 known audience", "exchange/policy.go", "service, ok := r.find(name, organization)\n\t\tif !ok {\n\t\t\treturn nil, &TargetError{\"unknown or not permitted audience or resource\"}", "service, ok := r.find(name, organization)\n\t\tif !ok {\n\t\t\tservice = r.all[0]", useCase},
		{"9 service of an organization", "exchange/service.go", "if !ok || service.Organizations != nil && !slices.Contains(service.Organizations, organization) {", "if !ok {", useCase},
		{"9 audience of the token", "exchange/policy.go", "if len(record.Audience) > 0 && !slices.Contains(record.Audience, service.Audience) {", "if false && service == nil {", useCase},
		{"9 scope of the token", "exchange/policy.go", "if !pat.Covers(held, scope) {", "if scope == \"\" {", useCase},
		{"9 scope granted to the owner", "exchange/policy.go", "if grantable && !slices.Contains(granted, scope) {", "if _ = grantable; !slices.Contains(granted, scope) {", useCase},
		{"9 credentials where there are some", "exchange/policy.go", "grantable := associated && scope == pat.ScopeCredentials ||", "grantable := scope == pat.ScopeCredentials ||", useCase},
		{"9 nothing granted", "exchange/policy.go", "if len(granted) == 0 {", "if false {", useCase},
		{"11 lastUsed once a day", "pat/use.go", "due := last.IsZero() || use.Now.Sub(last) >= TouchInterval", "due := last.Year() > 0", domain},
		{"what is answered is confirmed", "storage/redis/send.go", "got < want {", "got < want && want < 0 {", stale},
		{"what was sent is repeated", "storage/redis/renew.go", "return one.again(ctx, s)", "return nil", stale},
		{"a stranger is asked nothing", "storage/redis/session.go", "case s.met != nil && !s.knows(who):", "case s.met != nil && !s.knows(who) && false:", stale},
		{"a server that did not get all is not known", "storage/redis/renew.go", "return all.Wait() //nolint:wrapcheck // each says what it repeats", "_ = all.Wait()\n\treturn nil", []string{"-run", "^TestNothingIsServedUnrepeated$", "./storage/redis"}},
		{"a promoted server waits for all", "storage/redis/settle.go", "if !asked[name] && !there.has(name, one.who) {", "if !asked[name] && false {", []string{"-run", "^TestSettles$", "./storage/redis"}},
		{"an end is told, in bolt", "storage/bolt/pats.go", "if err := s.db.tell(tx, endedToken(id, pat.EveryGeneration)); err != nil {", "if err := error(nil); err != nil {", []string{"-run", "^TestStore$/^Ended$", "./storage/bolt"}},
		{"an end is told, in Redis", "storage/redis/scripts/delete.lua", "tell(log, 'p' .. token.bytes)", "", ended},
		{"a generation that a repetition takes over is told", "storage/redis/scripts/revoke.lua", "    tell(log, 'p' .. ARGV[4] .. ARGV[6])\n", "", []string{"-run", "^TestEndedOfALostGeneration$", "./storage/redis"}},
		{"ends are told anew after a promotion", "storage/redis/ended.go", "if s == c.session {", "if c.last != nil {", again},
		{"a replica is not believed", "storage/redis/ended.go", "if _, err := c.db.taking(ctx, s); err != nil {", "if _, err := c.db.taking(ctx, s); err != nil && false {", []string{"-run", "^TestEndedOfAReplica$", "./storage/redis"}},
		{"4 a kept JWT lives", "exchange/reuse.go", " && !p.JTIRevoked && ", " && ", useCase},
		{"12 audit", "exchange/reuse.go", "if err := e.Audit.Record(event); err != nil {", "if err := error(nil); err != nil && event.JTI != \"\" {", useCase},
	}
}

func TestEveryCheckIsHeldByATest(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles and tests a package for each mutant")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	for _, m := range mutants() {
		onRedis := strings.HasPrefix(m.file, "storage/redis/")
		if onRedis && !testenv.Full() { // each starts servers and waits for their promotion
			continue
		}
		t.Run(m.check, func(t *testing.T) {
			t.Parallel() // most of it compiles
			if onRedis {
				testenv.Need(t, "redis-server")
			}
			output := m.run(t, root)
			require.NotContains(t, output, "[build failed]", "the mutant must compile")
			require.Contains(t, output, "FAIL", "no test noticed that the check is gone")
		})
	}
}

// run tests the packages with the mutant in place, and returns what was printed.
func (m *mutant) run(t *testing.T, root string) string {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(m.file))
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(source), m.old), "the line that the mutant changes")
	changed := filepath.Join(t.TempDir(), filepath.Base(path))
	require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600))
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, text, 0o600))

	command := exec.CommandContext(t.Context(), "go", append([]string{"test", "-overlay", overlay, "-vet=off", "-failfast", "-count=1", "-short"}, m.packages...)...)
	command.Dir = root
	output, err := command.CombinedOutput()
	if err == nil {
		return string(output)
	}
	return string(output) + "\n" + err.Error()
}
