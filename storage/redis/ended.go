package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cambio-sts/cambio/directory"
	"github.com/cambio-sts/cambio/internal/id"
	"github.com/cambio-sts/cambio/pat"
)

const (
	// endedPage is how many entries of a shard are read at once.
	endedPage = 1000
	// endedAttempts is how many sessions a pass may see end.
	endedAttempts = 3
)

// errMoved says that the servers changed again and again while they were read.
var errMoved = errors.New("the servers changed meanwhile")

// endedLog is what ended, a stream in each shard.
type endedLog struct{ db *DB }

// Ended returns the log of what ended.
func (db *DB) Ended() pat.EndedLog { return endedLog{db} }

// Follow implements pat.EndedLog.
func (l endedLog) Follow() pat.EndedCursor { return &endedCursor{db: l.db} }

// Owned implements pat.EndedLog.
func (l endedLog) Owned(ctx context.Context, owners []directory.ID) ([][]pat.ID, error) {
	out := make([][]pat.ID, len(owners))
	err := l.db.pipeline(ctx, "list tokens of owners", func(pipe goredis.Pipeliner) func() {
		held, others := make([]*goredis.StringSliceCmd, len(owners)), make([]*goredis.StringSliceCmd, len(owners))
		for i, owner := range owners {
			shard := id.Shard(string(owner))
			held[i] = pipe.HVals(ctx, key(shard, "names:"+string(owner)))
			others[i] = pipe.SMembers(ctx, key(shard, "owned:"+string(owner)))
		}
		return func() {
			for i := range owners {
				for _, token := range slices.Concat(held[i].Val(), others[i].Val()) {
					out[i] = append(out[i], pat.ID(unraw(token)))
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// endedCursor reads the streams of all shards by the ids of their entries. These grow
// while the servers stay the same. A replica that was promoted may lack entries that were
// read, and have a slower clock: what it adds may come before them. So with each session
// the cursor begins anew, and tells again what is kept.
type endedCursor struct {
	db      *DB
	session *session // that the positions belong to
	last    []string // of each shard the last entry that was read; empty: none
}

// Next implements pat.EndedCursor: one pass over all shards. It ends well only if all of
// it saw one session, of whose primaries each still takes writes.
func (c *endedCursor) Next(ctx context.Context) ([]pat.Ended, error) {
	const what = "read what ended"
	for range endedAttempts {
		s, err := c.db.serving(ctx)
		if err != nil {
			return nil, unavailable(what, err)
		}
		if err := s.settled(); err != nil {
			return nil, unavailable(what, err)
		}
		last := make([]string, id.Shards)
		if s == c.session {
			copy(last, c.last)
		}
		found, err := c.db.endedSince(ctx, last)
		if err != nil {
			return nil, err
		}
		// a server that is no primary any more answers reads all the same, and knows nothing new
		if _, err := c.db.taking(ctx, s); err != nil {
			return nil, unavailable(what, err)
		}
		if c.db.session.Load() != s || s.spoiled.Load() {
			continue
		}
		c.session, c.last = s, last
		slices.SortStableFunc(found, func(a, b pat.Ended) int { return a.At.Compare(b.At) })
		return found, nil
	}
	return nil, unavailable(what, errMoved)
}

// endedSince reads what stands behind the last entries, and moves these on.
func (db *DB) endedSince(ctx context.Context, last []string) (found []pat.Ended, err error) {
	left := make([]int, len(last))
	for shard := range left {
		left[shard] = shard
	}
	for len(left) > 0 {
		pages, err := db.endedPages(ctx, left, last)
		if err != nil {
			return nil, err
		}
		var full []int
		for i, page := range pages {
			if found, err = appendEnded(found, page); err != nil {
				return nil, unavailable("read what ended", err)
			}
			if n := len(page); n > 0 {
				last[left[i]] = page[n-1].ID
			}
			if len(page) == endedPage {
				full = append(full, left[i])
			}
		}
		left = full
	}
	return found, nil
}

// endedPages reads the next page of each of some shards.
func (db *DB) endedPages(ctx context.Context, shards []int, last []string) (pages [][]goredis.XMessage, err error) {
	err = db.pipeline(ctx, "read what ended", func(pipe goredis.Pipeliner) func() {
		read := make([]*goredis.XMessageSliceCmd, 0, len(shards))
		for _, shard := range shards {
			from := "-"
			if last[shard] != "" {
				from = "(" + last[shard]
			}
			read = append(read, pipe.XRangeN(ctx, endedKey(id.ShardName(shard)), from, "+", endedPage))
		}
		return func() {
			for _, page := range read {
				pages = append(pages, page.Val())
			}
		}
	})
	return pages, err
}

// appendEnded reads what the scripts wrote (ended.inc.lua).
func appendEnded(to []pat.Ended, page []goredis.XMessage) ([]pat.Ended, error) {
	for _, message := range page {
		text, _ := message.Values["e"].(string)
		one, err := readEnded(text)
		at, _, _ := strings.Cut(message.ID, "-")
		millis, err2 := strconv.ParseInt(at, 10, 64)
		if err := cmp.Or(err, err2); err != nil {
			return nil, fmt.Errorf("entry %s: %w", message.ID, err)
		}
		one.At = time.UnixMilli(millis).UTC()
		to = append(to, one)
	}
	return to, nil
}

// writeEnded is what the scripts write.
func writeEnded(one *pat.Ended) string {
	switch {
	case one.Kind == pat.EndedJWT:
		return "j" + score(one.Expiry) + ":" + member(one.Token, one.ID)
	case one.Kind == pat.EndedOwner:
		return "o" + raw(one.ID)
	case one.Generation == pat.EveryGeneration:
		return "p" + raw(one.ID)
	default:
		return "p" + raw(one.ID) + strconv.FormatInt(one.Generation, 10)
	}
}

func readEnded(text string) (pat.Ended, error) {
	if text == "" {
		return pat.Ended{}, errReply
	}
	switch kind, rest := text[0], text[1:]; {
	case kind == 'j':
		return readEndedJWT(rest)
	case kind == 'o' && len(rest) == idLen:
		return pat.Ended{Kind: pat.EndedOwner, ID: unraw(rest)}, nil
	case kind == 'p' && len(rest) == idLen:
		return pat.Ended{Kind: pat.EndedToken, ID: unraw(rest), Generation: pat.EveryGeneration}, nil
	case kind == 'p' && len(rest) > idLen:
		generation, err := strconv.ParseInt(rest[idLen:], 10, 64)
		return pat.Ended{Kind: pat.EndedToken, ID: unraw(rest[:idLen]), Generation: generation}, err
	default:
		return pat.Ended{}, errReply
	}
}

func readEndedJWT(text string) (pat.Ended, error) {
	expiry, rest, ok := strings.Cut(text, ":")
	token, jti, ok2 := strings.Cut(rest, ":")
	millis, err := strconv.ParseInt(expiry, 10, 64)
	if !ok || !ok2 || err != nil {
		return pat.Ended{}, errReply
	}
	return pat.Ended{Kind: pat.EndedJWT, ID: jti, Token: pat.ID(token), Expiry: time.UnixMilli(millis).UTC()}, nil
}
