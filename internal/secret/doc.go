// Package secret holds text that must not be printed.
//
// A Text redacts itself in fmt, encoding/json, encoding.TextMarshaler (and so
// YAML) and zap; only Reveal gives the characters, and every call of it can be
// found by name. The package knows nothing of what the secret opens.
package secret
