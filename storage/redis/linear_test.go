package redis_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/testenv"
	"github.com/cambio-sts/cambio/pat"
	"github.com/cambio-sts/cambio/storage/redis"
)

// life is what a history may see of one token.
type life struct {
	Exists, Revoked      bool
	Generation, Revision int64
}

func lifeOf(r *pat.Record) life {
	return life{r.State != "", r.State == pat.StateRevoked, r.Generation, r.Revision}
}

// step is one operation of a history: what was asked.
type step struct {
	Token pat.ID
	Kind  string // create, use, revoke, reactivate
	// Read is what a reactivation was made from, and whose generation a revocation
	// means.
	Read life
}

// outcome is what an operation answered.
type outcome struct {
	Unknown bool // fault.ErrUnavailable: it happened, happens yet, or never
	Done    bool
	Seen    life // by a use, and by a revocation afterwards
}

// after returns the token after an operation that takes effect, and whether it does.
func (s step) after(before life) (after life, applies bool) {
	after = before
	switch s.Kind {
	case "create":
		return life{Exists: true, Generation: 1, Revision: 1}, !before.Exists
	case "revoke":
		after.Revoked, after.Revision = true, before.Revision+1
		return after, before.Exists && !before.Revoked && before.Generation <= s.Read.Generation
	case "reactivate":
		after.Revoked, after.Generation, after.Revision = false, before.Generation+1, before.Revision+1
		return after, before.Exists && before.Revision == s.Read.Revision
	default:
		return before, false
	}
}

// allows returns what a token may be after an operation with that outcome, none
// if it cannot have had it.
func allows(before life, s step, o outcome) []life {
	after, applies := s.after(before)
	switch {
	case s.Kind == "use":
		if o.Unknown || o.Seen == before {
			return []life{before}
		}
	case o.Unknown && applies:
		return []life{before, after}
	case o.Unknown:
		return []life{before}
	case o.Done && applies && (s.Kind != "revoke" || o.Seen == after):
		return []life{after}
	case !o.Done && !applies && (s.Kind != "revoke" || o.Seen == before):
		return []life{before}
	}
	return nil
}

// of is what the checker hands back, of the type that it was given.
func of[T any](value any) T {
	typed, _ := value.(T)
	return typed
}

func model() porcupine.Model {
	nondeterministic := porcupine.NondeterministicModel{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			byToken := map[pat.ID][]porcupine.Operation{}
			for _, operation := range history {
				token := of[step](operation.Input).Token
				byToken[token] = append(byToken[token], operation)
			}
			var parts [][]porcupine.Operation
			for _, part := range byToken {
				parts = append(parts, part)
			}
			return parts
		},
		Init: func() []any { return []any{life{}} },
		Step: func(state, input, output any) []any {
			var next []any
			for _, one := range allows(of[life](state), of[step](input), of[outcome](output)) {
				next = append(next, one)
			}
			return next
		},
		Equal:             func(a, b any) bool { return a == b },
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %+v", input, output) },
		DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state) },
	}
	return nondeterministic.ToModel()
}

// history collects operations from several goroutines.
type history struct {
	began time.Time
	mu    sync.Mutex
	all   []porcupine.Operation
}

// record runs an operation and notes when it was under way. One whose outcome is
// unknown may take effect at any time after.
func (h *history) record(client int, s step, do func() (outcome, error)) outcome {
	call := time.Since(h.began).Nanoseconds()
	o, err := do()
	back := time.Since(h.began).Nanoseconds()
	if err != nil {
		o = outcome{Unknown: true}
		if s.Kind == "use" {
			return o // it changes nothing and tells nothing
		}
		back = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, porcupine.Operation{ClientId: client, Input: s, Call: call, Output: o, Return: back})
	return o
}

// client works on tokens until ctx ends, a step every few milliseconds.
func (h *history) client(ctx context.Context, number int, db *redis.DB, tokens []pat.Record) {
	pace := time.NewTicker(15 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		record := tokens[rand.IntN(len(tokens))]
		seen := record
		used := h.record(number, step{Token: record.ID, Kind: "use"}, func() (outcome, error) {
			got, err := db.Uses().Use(ctx, presentation(&record))
			if err != nil {
				return outcome{}, err
			}
			seen = got.Record
			return outcome{Seen: lifeOf(&seen)}, nil
		})
		if used.Unknown || !used.Seen.Exists {
			continue
		}
		switch rand.IntN(4) {
		case 0:
			h.record(number, step{record.ID, "revoke", used.Seen}, func() (outcome, error) {
				revocation := revocation(&seen)
				revocation.Reversible = true
				got, changed, err := db.PATs().Revoke(ctx, revocation, change())
				return outcome{Done: changed, Seen: lifeOf(&got)}, err
			})
		case 1:
			if !used.Seen.Revoked {
				continue
			}
			h.record(number, step{record.ID, "reactivate", used.Seen}, func() (outcome, error) {
				seen.State, seen.Reversible = pat.StateActive, false
				seen.Generation++
				err := db.PATs().Replace(ctx, seen, 0, change())
				if conflict, trouble := is(err, pat.ErrConflict); conflict {
					return outcome{}, trouble
				}
				return outcome{Done: true}, err
			})
		}
	}
}

// TestHistoriesAreLinear: whatever three processes see of tokens that they create,
// use, revoke and reactivate at once, there is one order of events that explains it,
// also when the primary is killed meanwhile.
func TestHistoriesAreLinear(t *testing.T) {
	t.Parallel()
	s := testenv.Sentinel(t, testenv.RedisOptions{})
	h := &history{began: time.Now()}
	var processes []*redis.DB
	for range 3 {
		processes = append(processes, process(t, onSentinel(s)))
	}
	ctx, stop := context.WithCancel(t.Context())
	var tokens []pat.Record
	for range 4 {
		record := token(t, processes[0])
		record.ID, record.Name = pat.NewID(record.Owner), "of a history"
		h.record(0, step{Token: record.ID, Kind: "create"}, func() (outcome, error) {
			err := processes[0].PATs().Create(ctx, record, 0, change())
			return outcome{Done: err == nil}, err
		})
		tokens = append(tokens, record)
	}
	var clients sync.WaitGroup
	for number := range 6 {
		clients.Go(func() { h.client(ctx, number+1, processes[number%3], tokens) })
	}
	during := func(length time.Duration) { <-time.After(length) } // a history takes its time
	during(2 * time.Second)
	primary := s.Primary()
	primary.Kill()
	s.Promoted(primary)
	testenv.Wait(t, 15*time.Second, func() bool { return processes[0].Ping(t.Context()) == nil && processes[1].Ping(t.Context()) == nil })
	during(4 * time.Second)
	stop()
	clients.Wait()
	requireLinear(t, h.all)
}

// histories is where those are kept that had no order.
var histories = filepath.Join("testdata", "histories")

// requireLinear proves that a history has an order. What has none of it is kept, and
// is a test of the checker from then on; a picture shows it.
func requireLinear(t *testing.T, all []porcupine.Operation) {
	t.Helper()
	for _, part := range model().Partition(all) {
		result, info := porcupine.CheckOperationsVerbose(model(), part, time.Minute)
		if result == porcupine.Ok {
			continue
		}
		name := string(of[step](part[0].Input).Token)
		picture := filepath.Join(os.TempDir(), "history-"+name+".html")
		_ = porcupine.VisualizePath(model(), info, picture)
		kept := filepath.Join(histories, name+".json")
		require.NoError(t, os.WriteFile(kept, marshalHistory(t, part), 0o600))
		t.Fatalf("%d operations: %s, see %s and %s", len(part), result, kept, picture)
	}
	t.Logf("%d operations have an order", len(all))
}

// kept is an operation as a line of a file has it.
type kept struct {
	Client  int
	Call    int64 // nanoseconds since the history began
	Return  int64
	Step    step
	Outcome outcome
}

func marshalHistory(t *testing.T, all []porcupine.Operation) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, one := range all {
		text, err := json.Marshal(kept{one.ClientId, one.Call, one.Return, of[step](one.Input), of[outcome](one.Output)})
		require.NoError(t, err)
		out.Write(append(text, '\n'))
	}
	return out.Bytes()
}

func unmarshalHistory(t *testing.T, text []byte) []porcupine.Operation {
	t.Helper()
	var all []porcupine.Operation
	for line := range bytes.Lines(text) {
		var one kept
		require.NoError(t, json.Unmarshal(line, &one))
		all = append(all, porcupine.Operation{ClientId: one.Client, Call: one.Call, Return: one.Return, Input: one.Step, Output: one.Outcome})
	}
	return all
}

// TestKeptHistories: the checker still finds what it once found.
func TestKeptHistories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(histories, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all := unmarshalHistory(t, text)
		require.NotEmpty(t, all)
		require.Equal(t, porcupine.Illegal, porcupine.CheckOperationsTimeout(model(), all, time.Minute), file)
	}
}

// TestModel: the checker finds what must not be.
func TestModel(t *testing.T) {
	token := pat.NewID("0123456789abcdef0123456789abcdef")
	alive, dead := life{Exists: true, Generation: 1, Revision: 1}, life{Exists: true, Revoked: true, Generation: 1, Revision: 2}
	begin := []porcupine.Operation{
		{Input: step{Token: token, Kind: "create"}, Call: 0, Output: outcome{Done: true}, Return: 1},
		{Input: step{token, "revoke", alive}, Call: 2, Output: outcome{Done: true, Seen: dead}, Return: 10},
	}
	use := func(seen life, call, back int64) []porcupine.Operation {
		return append(begin[:2:2], porcupine.Operation{ClientId: 1, Input: step{Token: token, Kind: "use"}, Call: call, Output: outcome{Seen: seen}, Return: back})
	}
	require.True(t, porcupine.CheckOperations(model(), use(alive, 3, 4)), "while it is revoked")
	require.True(t, porcupine.CheckOperations(model(), use(dead, 11, 12)))
	require.False(t, porcupine.CheckOperations(model(), use(alive, 11, 12)), "after its revocation was acknowledged")
	unknown := use(alive, 11, 12)
	unknown[1].Output, unknown[1].Return = outcome{Unknown: true}, math.MaxInt64
	require.True(t, porcupine.CheckOperations(model(), unknown), "nobody said that it was revoked")
	revived := append(unknown[:2:2], use(dead, 11, 12)[2], use(alive, 13, 14)[2])
	require.False(t, porcupine.CheckOperations(model(), revived), "it came back")
}
