// Package archtest holds the shape of the house: which package may import
// which, and where a third-party module is at home.
//
//	street   cmd/cambio
//	            │
//	doors    authz/   api/            an arrow that is no row of the table
//	            │       │             fails the test; so does a row that no
//	use case exchange/  │             import uses any more
//	            │       │
//	domain   pat/  directory/  keys/
//	            ▲
//	cellar   storage/redis   storage/bolt     implement what the domain declares
//	walls    internal/...                     know no product package
//	outside  verify/                          knows nothing of ours
//
// The table is in table_test.go, each row with its reason. The package has no
// code but its tests, and reads sources, never types: what a package does with
// an import is for a reviewer to judge.
package archtest
