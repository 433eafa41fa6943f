package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	goredis "github.com/redis/go-redis/v9"
)

// formatVersion is the layout of doc.go. Servers that name none have it; keys and
// fields that come besides, and that who does not know of them passes over, make no
// other one.
const formatVersion = "1"

func formatKey() string { return key(cfg, "format") }

// FormatError says that what the servers hold has a layout that this program does not
// know: a later one made it.
type FormatError struct{ Found string }

// Error names both layouts.
func (e *FormatError) Error() string {
	return fmt.Sprintf("its layout has version %q, this program knows %q", e.Found, formatVersion)
}

// Later reports whether a later program made it, as far as the number tells.
func (e *FormatError) Later() bool {
	found, err := strconv.ParseUint(e.Found, 10, 32)
	known, _ := strconv.ParseUint(formatVersion, 10, 32)
	return err == nil && found > known
}

// readLayout returns a FormatError for servers of another layout.
func readLayout(ctx context.Context, found servers) error {
	primary, err := found.primary(ctx, cfg)
	if err != nil {
		return unavailable("read format", err)
	}
	text, err := primary.HGet(ctx, formatKey(), "version").Result()
	switch {
	case errors.Is(err, goredis.Nil) || err == nil && text == formatVersion:
		return nil
	case err != nil:
		return unavailable("read format", err)
	}
	return &FormatError{text}
}

// checkFormat refuses servers of another layout.
func (db *DB) checkFormat(ctx context.Context) error {
	found := formatVersion
	err := db.pipeline(ctx, "read format", func(pipe goredis.Pipeliner) func() {
		value := pipe.HMGet(ctx, formatKey(), "version")
		return func() {
			if text, named := value.Val()[0].(string); named {
				found = text
			}
		}
	})
	if err == nil && found != formatVersion {
		err = &FormatError{found}
	}
	return err
}
