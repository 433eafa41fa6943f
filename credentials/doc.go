// Package credentials owns the short-lived credentials of other systems that an
// exchange returns beside its JWT: keys of an object store, a role of a database.
//
//	exchange ─▶ Issuer.Issue ─▶ kept set, or ─┬▶ Provider.Issue ─┐ in parallel, one deadline,
//	            one set for one PAT,          ├▶ Provider.Issue ─┤ all or nothing
//	            however many ask at once      └▶ Provider.Issue ─┘
//	                                              │ Grant.Assertion: a JWT for the audience of that provider
//
//	Issuer.Run    asks the store about each PAT whose credentials this process issued, and revokes those of a PAT that ended
//	Issuer.Sweep  the same for what providers list, whoever issued it: one process at a time, across restarts
//
// To write a provider, implement Provider in a package below this one, and Lister if it
// can find what it issued after a restart:
//
//   - Members names what Issue returns, always the same names: flat, lower case.
//   - Issue either returns all of it or leaves nothing behind. The context has the
//     deadline. Any error is a 503 for the client and tells no value; a *ClaimError says that
//     the owner is none for whom the configured templates can be filled in.
//   - Issued.Handle is the public name of what was made (an access key id, a role): it
//     goes into the audit trail and back into Revoke, and must be no secret.
//   - Issued.Expiry is when it stops working. Grant.Expiry is what is wished for.
//   - Templates over the owner's claims are parsed when the provider is made
//     (ParseTemplate, ParseJSON), so that a wrong one refuses the start.
//
// Values live in the memory of a process only. The package refuses to know HTTP doors,
// how a PAT is checked, what a JWT looks like, and what any provider speaks.
package credentials
