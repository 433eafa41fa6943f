package manage

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// contentOf tells states of a thing apart that has no revision of its own.
func contentOf(thing any) string {
	encoded, err := json.Marshal(thing)
	if err != nil {
		return "" // none of ours; nothing matches it
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:8])
}
