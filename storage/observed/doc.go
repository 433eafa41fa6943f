// Package observed is the ports of a store around those of another: it passes every call on
// as it is, and tells how long it took and whether the store could answer. A call that
// belongs to a traced request is a span of that.
//
//	exchange, manage, … ──▶ observed ──▶ bolt or redis
//	                            └──▶ Observer, span
//
// It changes no answer, keeps nothing, and refuses to know what stores are made of and who
// counts. What no port of the domain has, sessions of the console and leases, passes it by.
package observed
