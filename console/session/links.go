package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/cambio-sts/cambio/internal/secret"
)

// linkLen is the length of what makes a link secret, in bytes.
const linkLen = 32

// Links are links that work once: to log in for the first time, say. A GET of one shows a
// button by Peek, as mail scanners and previews follow links too, and the POST of that does
// Open. It is safe to share.
type Links struct{ store Store }

// NewLinks returns the links of a store.
func NewLinks(store Store) Links { return Links{store} }

// Make makes a token that opens once, within life, for one purpose, and then tells subject.
// The store has its SHA-256 only. An error is the store's.
func (l Links) Make(ctx context.Context, purpose, subject string, life time.Duration) (token secret.Text, err error) {
	var made [linkLen]byte
	_, _ = rand.Read(made[:]) // never fails since Go 1.24
	if err := l.store.Put(ctx, linkKey(purpose, made[:]), []byte(subject), life); err != nil {
		return secret.Text{}, fmt.Errorf("make a link: %w", err)
	}
	return secret.New(base64.RawURLEncoding.EncodeToString(made[:])), nil
}

// Peek tells the subject of a token that would open. An error is the store's.
func (l Links) Peek(ctx context.Context, purpose string, token secret.Text) (subject string, found bool, err error) {
	return find(ctx, purpose, token, l.store.Get)
}

// Open tells the subject of a token, to one caller and never again. An error is the store's;
// then the token may have been used up.
func (l Links) Open(ctx context.Context, purpose string, token secret.Text) (subject string, found bool, err error) {
	return find(ctx, purpose, token, l.store.Take)
}

// Restore makes a token that Open used up open once more, within life: who held it could
// not do what it was for, and may try again. An error is the store's.
func (l Links) Restore(ctx context.Context, purpose string, token secret.Text, subject string, life time.Duration) error {
	made, ok := parse(token)
	if !ok {
		return errors.New("restore a link: it is none that was made")
	}
	if err := l.store.Put(ctx, linkKey(purpose, made), []byte(subject), life); err != nil {
		return fmt.Errorf("restore a link: %w", err)
	}
	return nil
}

func find(
	ctx context.Context, purpose string, token secret.Text, read func(context.Context, string) ([]byte, bool, error),
) (subject string, found bool, err error) {
	made, ok := parse(token)
	if !ok {
		return "", false, nil
	}
	value, found, err := read(ctx, linkKey(purpose, made))
	if err != nil {
		return "", false, fmt.Errorf("open a link: %w", err)
	}
	return string(value), found, nil
}

// parse returns what makes a token secret; false if Make cannot have made it.
func parse(token secret.Text) (made []byte, ok bool) {
	text, encoding := token.Reveal(), base64.RawURLEncoding.Strict()
	if len(text) != encoding.EncodedLen(linkLen) {
		return nil, false
	}
	made, err := encoding.DecodeString(text)
	return made, err == nil && len(made) == linkLen // line breaks are left out
}

// linkKey keeps links of different purposes apart: the hash has always the same length.
func linkKey(purpose string, made []byte) string {
	sum := sha256.Sum256(made)
	return "link/" + purpose + "/" + hex.EncodeToString(sum[:])
}
