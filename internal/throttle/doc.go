// Package throttle says when there were too many: of failed attempts, by network
// and by the id they guess at (Throttle), or of requests, by key (Limiter).
//
//	a wrong credential ─▶ Throttle.Failed(peer, id) ─┬─▶ networks   burst 300, 10/s ─┐
//	                                                 └─▶ ids at one  burst 20, 1/3 s ─┴─▶ 401 or 429
//	a request          ─▶ Limiter.Allow(token, mount) ─▶ keys       100 in 10 s ───────▶ 200 or 429
//
// Allow tells besides what the key has left (Quota).
//
// Failed is asked after a credential has proved wrong and never before one is
// checked, so a right secret is never locked out, whatever others try from the
// same network. Counting is the generic cell rate algorithm (GCRA): one time per
// key, no timers, no refill. The memory is fixed when a counter is made, counts
// are of this process alone, and no key is kept, only a keyed hash of it.
//
// The package knows neither HTTP nor what a key names.
package throttle
