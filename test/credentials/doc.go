// Package credentials drives exchanges that ask for credentials of other systems, from
// outside: the product's binary, a real provider, and what the keys that come out open.
//
// It refuses to know how they are issued. Each file is one kind of provider; what it
// needs of the machine it starts itself, or skips without it.
package credentials
