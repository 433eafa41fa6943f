package api

import (
	"context"
	"net/http"

	"github.com/cambio-sts/cambio/keys"
)

// ListKeys answers with the signing keys.
func (s server) ListKeys(w http.ResponseWriter, r *http.Request) {
	s.afterKeys(w, r, func(context.Context, keys.Actor) error { return nil })
}

// RotateKeys brings the next key of each algorithm into use.
func (s server) RotateKeys(w http.ResponseWriter, r *http.Request) {
	s.afterKeys(w, r, s.keys.Rotate)
}

// RevokeKey ends a key at once.
func (s server) RevokeKey(w http.ResponseWriter, r *http.Request, kid string) {
	s.afterKeys(w, r, func(ctx context.Context, actor keys.Actor) error { return s.keys.Revoke(ctx, kid, actor) })
}

// afterKeys lets an administrator of the platform do something, and answers with
// the keys as they are then.
func (s server) afterKeys(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, actor keys.Actor) error) {
	who := callerFrom(r.Context())
	err := who.needPlatformAdmin()
	if err == nil {
		err = do(r.Context(), keys.Actor{ID: string(who.Identity.ID), Origin: who.origin})
	}
	s.respond(w, r, signingKeys(s.keys.List()), err)
}

func signingKeys(infos []keys.Info) []SigningKey {
	shown := make([]SigningKey, len(infos))
	for i := range infos {
		info := &infos[i]
		shown[i] = SigningKey{
			Kid: info.KID, Alg: info.Alg, Generation: info.Generation, State: info.State, Created: Instant(info.Created),
			ActiveFrom: Instant(info.ActiveFrom), RetireFrom: Instant(info.RetireFrom), RemoveAfter: Instant(info.RemoveAfter),
			RevokedAt: instantOrNull(info.RevokedAt),
		}
	}
	return shown
}
