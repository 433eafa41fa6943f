// Package session remembers who is logged in to the console, and what a login needs on
// its way: state, nonce, verifier, where to go afterwards. It also makes links that work
// once.
//
//	request ─▶ LoadAndSave ─▶ load: session/<hash of the cookie>   over by idle time or lifetime?
//	              │                 over/<sign-in>                 signed out?
//	              │                 ended/<identity>               ended by an administrator since?
//	              ▼
//	           handler ─▶ SignIn, SignOut, Identity, Put, Pop
//	              │
//	              ▼
//	           save, before the first byte of the answer: only what changed, and the
//	           time of the last use once a minute
//
// All of it lies in a Store, which every process of a deployment shares. The cookie is a
// random token and says nothing; the store has its SHA-256. What ends a session is decided
// here, by the clock of the configuration and on every request, not by the cookie: that
// goes with the browser's own session.
//
// A person signs out for good: a request that was under way writes its session back
// afterwards, so what signed out is noted under a name of its own. Likewise EndAll leaves a
// mark, and a session has to know the newest one there was when it signed in. That needs
// no clock, and those of several machines differ.
//
// Of several requests of one session at once, the last to save wins: what another has Put or
// popped meanwhile may be undone. So whoever pops a state must have it refused a second
// time elsewhere too, as a provider does with a code.
//
// github.com/alexedwards/scs keeps the values of a request, makes, hashes and renews the
// token, and writes the cookie. Three things of it are not used. Its clock is time.Now: the
// times are values of the session here, and an expiry is set before each Commit. Its
// LoadAndSave sends the handler's answer after that to an error, writes at each request
// once there is an idle time, and can be passed by a Flush. And its New starts a goroutine
// that never ends, for a store that is replaced.
//
// The package knows no identities and no pages: an identity is the text that SignIn was given,
// and what is answered without a store is a handler of the configuration.
package session
