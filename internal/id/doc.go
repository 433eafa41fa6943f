// Package id makes and checks the identifiers of every stored thing: 32
// lowercase hexadecimal characters, 16 random bytes, of which the first is the
// shard.
//
//	7f  3c9a0d…  (32 characters)
//	└┬┘
//	 shard: everything that must change together lies in one
//
// A personal access token shares the shard of its owner, a technical user that
// of its group or organization, so one script or transaction reaches all of
// them. The package knows no entity; pat and directory give the ids their types.
package id
