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
