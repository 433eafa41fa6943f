//go:build unix

package audit_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cambio-sts/cambio/internal/audit"
)

// helperEnv names what this test binary does instead of testing, and its folder.
const helperEnv = "CAMBIO_AUDIT_TEST_HELPER"

func TestMain(m *testing.M) {
	task, dir, _ := strings.Cut(os.Getenv(helperEnv), ":")
	switch task {
	case "":
		os.Exit(m.Run())
	case "record":
		exitOn(recordForever(dir))
	case "fill":
		exitOn(fillTheDisk(dir))
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func helper(t *testing.T, task, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), helperEnv+"="+task+":"+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// recordForever prints the number of each event that is on disk.
func recordForever(dir string) error {
	sink, err := audit.OpenSink(audit.Config{Dir: dir, Now: time.Now, MaxFileBytes: 30_000, SyncEvery: 2 * time.Millisecond})
	if err != nil {
		return err
	}
	go func() { exitOn(sink.Run(context.Background())) }()
	for i := 0; ; i++ {
		if err := sink.Record(used(i)); err != nil {
			return err
		}
		if i%50 == 49 {
			if err := sink.Flush(context.Background()); err != nil {
				return err
			}
			fmt.Println(i)
		}
	}
}

func TestKilledWriterLeavesAWholeTrail(t *testing.T) {
	dir := t.TempDir()
	for round := range 12 {
		cmd := helper(t, "record", dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		acknowledged := bufio.NewScanner(out)
		last := -1
		for range round + 1 {
			require.True(t, acknowledged.Scan())
		}
		require.NoError(t, cmd.Process.Kill())
		for done := false; !done; done = !acknowledged.Scan() {
			last, err = strconv.Atoi(acknowledged.Text())
			require.NoError(t, err)
		}
		require.Error(t, cmd.Wait())

		report := requireWhole(t, dir)
		require.Equal(t, round+1, report.Writers)
		names := glob(t, dir, "*.jsonl")
		text, err := os.ReadFile(names[len(names)-1])
		require.NoError(t, err)
		for len(names) > 1 && !strings.Contains(string(text), fmt.Sprintf(`"pat %d"`, last)) {
			names = names[:len(names)-1]
			text, err = os.ReadFile(names[len(names)-1])
			require.NoError(t, err)
		}
		require.Contains(t, string(text), fmt.Sprintf(`"pat %d"`, last), "what Flush answered for is there")
	}
	sink := open(t, audit.Config{Dir: dir})
	record(t, sink.Sink, 0, 10)
	require.NoError(t, sink.stop())
	require.Equal(t, 13, requireWhole(t, dir).Writers)
}

// fillTheDisk goes on recording over a limit on the size of files, which the
// system reports like a full disk in the midst of a write, and then lifts it.
func fillTheDisk(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	low := before
	low.Cur = 10_000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low); err != nil {
		return err
	}
	sink, err := audit.OpenSink(audit.Config{Dir: dir, Now: time.Now, Queue: 100})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- sink.Run(ctx) }()
	<-sink.Started()
	recorded := 0
	for err = nil; err == nil; recorded++ {
		err = sink.Record(used(recorded))
		if recorded%10 == 0 {
			time.Sleep(5 * time.Millisecond)
		}
	}
	fmt.Println(recorded-1, "then:", err, "because:", sink.Ready())
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := sink.Flush(ctx); err != nil {
		return err
	}
	fmt.Println("ready:", sink.Ready())
	cancel()
	return <-done
}

func TestFullDiskLosesNothing(t *testing.T) {
	dir := t.TempDir()
	out, err := helper(t, "fill", dir).Output()
	require.NoError(t, err, "%s", out)
	count, rest, _ := strings.Cut(string(out), " ")
	require.Contains(t, rest, "then: the audit queue is full because: write audit line")
	require.Contains(t, rest, "file too large")
	require.Contains(t, rest, "ready: <nil>")
	recorded, err := strconv.Atoi(count)
	require.NoError(t, err)
	require.GreaterOrEqual(t, recorded, 100)
	require.Equal(t, recorded+1, requireWhole(t, dir).Lines)
	require.Len(t, glob(t, dir, "*.jsonl"), 1)
}
