// Package s3 is the provider of keys for object stores that speak S3 and have a security
// token service of that kind: AWS, MinIO, Ceph, SeaweedFS.
//
//	Grant.Assertion ─▶ AssumeRoleWithWebIdentity   unsigned: the JWT is the only proof
//	                     RoleArn, RoleSessionName, Policy   templates, filled in with the owner's claims
//	                     DurationSeconds                    see Lifetime
//	                   ─▶ aws_access_key_id, aws_secret_access_key, aws_session_token, aws_credentials_expiration
//
// No key of the store is kept here: it checks the JWT by the published keys of the
// issuer. What it issued cannot be revoked, and ends by its expiry; its public name is
// the access key id.
//
// It calls the configured endpoint alone, at the addresses that internal/egress lets
// through, by no proxy, and follows no redirect. It reads neither the environment nor
// the files that AWS programs are configured by. It refuses to know buckets and objects:
// what keys open is for the store to say.
package s3
