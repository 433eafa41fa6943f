package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/cambio-sts/cambio/internal/id"
)

func jobsKey() string { return key(cfg, "jobs") }

// Mark implements jobs.Marks.
func (db *DB) Mark(ctx context.Context, name string) (time.Time, error) {
	answer, err := db.read(ctx, "read mark", cfg, jobsKey(), name)
	if err != nil {
		return time.Time{}, err
	}
	fields, _ := answer.fields(0)
	text, ok := optional(fields)
	if !ok {
		return time.Time{}, unavailable("read mark", errReply)
	}
	if text == "" {
		return time.Time{}, nil
	}
	millis, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, unavailable("read mark", errReply)
	}
	return time.UnixMilli(millis).UTC(), nil
}

// SetMark implements jobs.Marks.
func (db *DB) SetMark(ctx context.Context, name string, at time.Time) error {
	_, err := db.do(ctx, call{
		what: "set mark", script: db.scripts.mark, change: true,
		keys: []string{jobsKey(), epochKey(cfg)}, args: []any{id.New(), "0", name, at.UnixMilli()},
	})
	return err
}
