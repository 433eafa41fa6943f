package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	o, err := parse([]string{"-rounds", "7", "-seconds", "0.5", "-conns", "1,32", "-store", "redis"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, 7, o.rounds)
	require.Equal(t, 500*time.Millisecond, o.length)
	require.Equal(t, []int{1, 32}, o.conns)
	require.Equal(t, []store{redis}, o.stores)
	require.Equal(t, []int{10_000, 100_000, 1_000_000}, o.lists)
	o, err = parse([]string{"-conns", "", "-lists", "1000", "-fill", "1m"}, io.Discard)
	require.NoError(t, err)
	require.Empty(t, o.conns)
	require.Equal(t, []int{1000}, o.lists)
	require.Equal(t, time.Minute, o.most)
	o, err = parse([]string{"-vary", "nothing,http2", "-replicas", "1,4", "-tokens", "10000000"}, io.Discard)
	require.NoError(t, err)
	require.Len(t, o.vary, 2)
	require.Equal(t, protocolHTTP1, o.vary[1].without.protocol)
	require.Equal(t, []int{1, 4}, o.replicas)
	require.Equal(t, []int{10_000_000}, o.tokens)

	for _, args := range [][]string{
		{"-rounds", "0"},
		{"-seconds", "0"},
		{"-conns", "1,,2"},
		{"-conns", "0"},
		{"-lists", "0"},
		{"-lists", "10000;"},
		{"-fill", "long"},
		{"-store", "etcd"},
		{"-procs", "0"},
		{"bolt"},
		{"-unknown"},
		{"-vary", "metrics,"},
		{"-vary", "quic"},
		{"-replicas", "0"},
		{"-tokens", "many"},
	} {
		_, err := parse(args, io.Discard)
		require.Error(t, err, args)
	}
}

func TestParseStat(t *testing.T) {
	used, err := parseStat("7 (a) S (b) R 1 7 7 0 -1 4194304 100 0 0 0 250 31 0 0 20 0 9 0 1234 1 2")
	require.NoError(t, err)
	require.Equal(t, 2810*time.Millisecond, used)
	for _, text := range []string{"", "7 (a) R 1 7", "7 (a) R 1 7 7 0 -1 4194304 100 0 0 0 x 31 0"} {
		_, err := parseStat(text)
		require.Error(t, err, text)
	}
}

func TestParseStatus(t *testing.T) {
	rss, peak, err := parseStatus("Name:\tcambio\nVmHWM:\t   49152 kB\nVmRSS:\t   28672 kB\nThreads:\t9\n")
	require.NoError(t, err)
	require.InDelta(t, 28.0, rss, 0)
	require.InDelta(t, 48.0, peak, 0)
	for _, text := range []string{"", "VmRSS:\t 1 kB\n", "VmRSS:\tx kB\nVmHWM:\t 1 kB\n"} {
		_, _, err := parseStatus(text)
		require.Error(t, err, text)
	}
}

func TestParseTop(t *testing.T) {
	lines := parseTop(strings.Join([]string{
		"File: cambio",
		"Duration: 5.01s, Total samples = 8.40s (167.62%)",
		"Showing nodes accounting for 7.43s, 88.45% of 8.40s total",
		"      flat  flat%   sum%        cum   cum%",
		"     2.88s 34.29% 34.29%      3.25s 38.69%  github.com/cambio-sts/cambio/keys.(*Ring).Mint",
		"     0.10s  1.19% 35.48%      0.26s  3.10%  github.com/cambio-sts/cambio/keys.(*Claims).encode",
		"     0.05s   0.6% 36.08%      0.05s   0.6%  github.com/ory/fosite.NewAccessRequest (inline)",
		"         0     0% 36.08%      7.43s 88.45%  net/http.(*conn).serve",
	}, "\n"))
	require.Equal(t, []topLine{
		{34.29, "github.com/cambio-sts/cambio/keys.(*Ring).Mint"},
		{1.19, "github.com/cambio-sts/cambio/keys.(*Claims).encode"},
		{0.6, "github.com/ory/fosite.NewAccessRequest (inline)"},
		{0, "net/http.(*conn).serve"},
	}, lines)
	require.ElementsMatch(t, []topLine{
		{34.29 + 1.19, "github.com/cambio-sts/cambio/keys"}, {0.6, "github.com/ory/fosite"}, {0, "net/http"},
	}, byPackage(lines))
	require.True(t, strings.HasPrefix(list(lines), "  34.3 %  github.com/cambio-sts/cambio/keys.(*Ring).Mint\n"))
}

func TestPackageOf(t *testing.T) {
	for function, want := range map[string]string{
		"main.main":                                             "main",
		"net/http.(*conn).serve":                                "net/http",
		"github.com/a/b/v2/c.F.func1":                           "github.com/a/b/v2/c",
		"github.com/a/b.values[go.shape.string]":                "github.com/a/b",
		"a/b.F[go.shape.*crypto/internal/x.Point]":              "a/b",
		"github.com/a/b.(*Server).routes.(*Server).serve.func1": "github.com/a/b",
		"p256MulInternal":                                       "p256MulInternal",
	} {
		require.Equal(t, want, packageOf(function))
	}
}

func TestParseMachine(t *testing.T) {
	m, err := parseMachine("cpu  100 2 30 400 50 6 7 8 99 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n")
	require.NoError(t, err)
	require.Equal(t, machine{busy: 153 * tick, idle: 450 * tick}, m)
	for _, text := range []string{"", "cpu 1 2 3\n", "intr 1 2 3 4 5 6 7 8\n", "cpu 1 2 3 4 5 6 7 x\n"} {
		_, err := parseMachine(text)
		require.Error(t, err, text)
	}
}
