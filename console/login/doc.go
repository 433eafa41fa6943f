// Package login owns how the web console learns from an OpenID provider who somebody
// is: the relying party of OpenID Connect Core 1.0, by the authorization code flow with
// PKCE, state and nonce (RFC 9700 §2.1.1).
//
//	Begin ──▶ URL of the provider, Attempt ──▶ browser logs in there
//	Finish ◀── Attempt, the query of the callback
//	   1 state is the attempt's        ErrState
//	   2 issuer is the provider's      ErrState (RFC 9207)
//	   3 the provider agreed           *RefusedError
//	   4 code ─▶ tokens                *RefusedError
//	   5 ID token, then userinfo       ErrToken, ErrOverage
//	   └──▶ Person
//
// Nothing is asked of the provider before the first login, and nothing that it answers
// is believed for long, read without bound, or waited for without end. Whenever it
// cannot be asked the error is fault.ErrUnavailable, and ErrProvider where it says of
// itself what cannot be used.
//
// The texts of all errors are for the log: they may quote the provider. A page words
// its own by the kind of the error.
//
// The package refuses to know requests, pages, sessions and identities: the caller
// keeps an Attempt in the session of the browser that began it, uses it once, and
// finds the identity that belongs to a Person.
package login
