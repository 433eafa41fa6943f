package verify

// KeySetAlgorithms returns the algorithms of the keys in a JWK Set by kid, after
// a try at the signature of token with each: none may panic.
func KeySetAlgorithms(set []byte, token string) (map[string][]string, error) {
	found, err := parseKeySet(set, defaultAlgorithms)
	if err != nil {
		return nil, err
	}
	given, err := parse(token)
	if err != nil {
		return nil, err
	}
	algs := map[string][]string{}
	for kid, keys := range found {
		for _, key := range keys {
			_ = key.method.Verify(given.signed, given.signature, key.public)
			algs[kid] = append(algs[kid], key.alg)
		}
	}
	return algs, nil
}

// FeedEntry is an entry of the revocation feed.
type FeedEntry struct {
	Mark                 [16]byte
	Generation, IssuedAt int64
}

// FeedAnswer reads the payload of an answer of the revocation feed.
func FeedAnswer(payload []byte, issuer string) (entries []FeedEntry, since, next int64, err error) {
	found, err := decodeFeedAnswer(payload, issuer)
	if err != nil {
		return nil, 0, 0, err
	}
	for i := range found.ended {
		entries = append(entries, FeedEntry{found.ended[i].of.mark, int64(found.ended[i].generation), int64(found.ended[i].issuedAt)})
	}
	return entries, found.since, found.next, nil
}

// FeedSize is how many entries of the feed are remembered.
func FeedSize(v *Verifier) int {
	v.ended.mu.RLock()
	defer v.ended.mu.RUnlock()
	return len(v.ended.dead)
}
