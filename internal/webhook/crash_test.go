package webhook_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/cambio-sts/cambio/internal/audit"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/internal/secret"
	"github.com/cambio-sts/cambio/internal/webhook"
)

// Variables that make this program the process that is killed.
const (
	crashDir = "WEBHOOK_TEST_DIR"
	crashURL = "WEBHOOK_TEST_URL"
)

// sendForever records and sends events, and prints the ids of those that are on disk.
func sendForever(dir, url string) error {
	sink, err := audit.OpenSink(audit.Config{Dir: dir, Now: time.Now})
	if err != nil {
		return err
	}
	sender, err := webhook.New(webhook.Config{Trail: sink, Dir: dir, Now: time.Now, Logger: zap.NewNop(), Receivers: []webhook.Receiver{{
		Name: "webhooks[0]", URL: url + "/" + capability, Allowed: loopback, Secrets: func() (secret.Text, error) { return secret.New(newSecret), nil },
	}}})
	if err != nil {
		return err
	}
	var all errgroup.Group
	all.Go(func() error { return sink.Run(context.Background()) })
	all.Go(func() error { return sender.Run(context.Background()) })
	all.Go(func() error {
		for {
			one := audit.Event{ID: id.New(), Name: audit.TokenRevoked, Outcome: audit.Success}
			if err := sink.Record(one); err != nil {
				return err
			}
			if err := sink.Flush(context.Background()); err != nil {
				return err
			}
			fmt.Println(one.ID)
			time.Sleep(time.Millisecond)
		}
	})
	return all.Wait()
}

// A process that is killed at any moment loses nothing that was on disk, and what the
// next one repeats is what came last.
func TestKilled(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t, nil)
	recorded, delivered := []string{}, 0
	for range 3 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), crashDir+"="+w.dir, crashURL+"="+r.URL)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		printed := make(chan struct{})
		go func() {
			defer close(printed)
			for in := bufio.NewScanner(out); in.Scan(); {
				if id.Valid(in.Text()) {
					recorded = append(recorded, in.Text())
				}
			}
		}()
		require.Eventually(t, func() bool { return len(r.ids()) > delivered+20 }, 20*time.Second, time.Millisecond)
		require.NoError(t, child.Process.Kill())
		<-printed
		require.Error(t, child.Wait())
		delivered = len(r.ids())
	}
	last := w.start(w.to(r.URL)).record(1)
	require.Eventually(t, func() bool { return slices.Contains(r.ids(), last[0]) }, 20*time.Second, 10*time.Millisecond)
	got := first(r.ids())
	require.Subset(t, got, recorded)
	place := map[string]int{}
	for i, one := range got {
		place[one] = i
	}
	for i := 1; i < len(recorded); i++ {
		require.Less(t, place[recorded[i-1]], place[recorded[i]], "in order")
	}
	require.NotContains(t, got[:len(got)-1], last[0])
}
