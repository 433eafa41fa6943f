package keys

// TypeRevocations is the typ (RFC 7515 §4.1.9) of what SignRevocations signs. No verifier of
// access tokens takes it: those are at+jwt (RFC 9068 §4).
const TypeRevocations = "revocations+jwt"

// SignRevocations signs an answer of the revocation feed, a JSON object of any length, with
// the key of alg that is active now (JWS compact serialization, RFC 7515 §7.1). It fails as
// Mint does, but for what Mint says of claims.
func (r *Ring) SignRevocations(alg Alg, payload []byte) (string, error) {
	key, err := r.activeKey(alg, r.now())
	if err != nil {
		return "", err
	}
	header := `{"alg":"` + string(alg) + `","kid":"` + key.rec.KID + `","typ":"` + TypeRevocations + `"}`
	return key.sign(new(scratch), encode([]byte(header))+".", payload)
}
