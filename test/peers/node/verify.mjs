// Uses the server of the first argument as an application with oauth4webapi or openid-client and
// an API with jose do. Whatever they dislike ends it with an error.
import assert from 'node:assert/strict'
import * as jose from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'

const world = JSON.parse(process.argv[2])
const issuer = new URL(world.issuer)
// http is for a server on this machine only.
const options = { [oauth.allowInsecureRequests]: issuer.protocol === 'http:' }
const bob = { client_id: world.bob.id }
const basic = oauth.ClientSecretBasic(world.bob.secret)
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'

const servers = []
for (const algorithm of ['oidc', 'oauth2']) {
  const answer = await oauth.discoveryRequest(issuer, { algorithm, ...options })
  servers.push(await oauth.processDiscoveryResponse(issuer, answer))
}
assert.deepEqual(servers[0], servers[1])
const server = servers[0]
const keys = jose.createRemoteJWKSet(new URL(server.jwks_uri))

async function clientCredentials(audience, auth = basic) {
  const answer = await oauth.clientCredentialsGrantRequest(server, bob, auth, { audience }, options)
  return (await oauth.processClientCredentialsResponse(server, bob, answer)).access_token
}

async function exchange(audience, more = {}) {
  const form = { subject_token: world.alice.token, subject_token_type: accessToken, audience, ...more }
  const alice = { client_id: world.alice.id }
  const answer = await oauth.genericTokenEndpointRequest(server, alice, oauth.None(), exchangeGrant, form, options)
  const minted = await oauth.processGenericTokenEndpointResponse(server, alice, answer)
  assert.equal(minted.issued_token_type, accessToken)
  return minted.access_token
}

// Another first character, another signature of the same length.
const altered = (text) => (text[0] === 'A' ? 'B' : 'A') + text.slice(1)
const tampered = (token) => token.replace(/[^.]*$/, altered)

async function verify(token, audience, alg) {
  const expected = { issuer: server.issuer, audience, typ: 'at+jwt', algorithms: [alg] }
  const { payload } = await jose.jwtVerify(token, keys, expected)
  assert.ok(payload.sub && payload.jti)
  await assert.rejects(jose.jwtVerify(tampered(token), keys, expected), jose.errors.JWSSignatureVerificationFailed)
  await assert.rejects(jose.jwtVerify(token, keys, { ...expected, audience: world.elsewhere }), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'aud' })
  await assert.rejects(jose.jwtVerify(token, keys, { ...expected, algorithms: ['PS256'] }), jose.errors.JOSEAlgNotAllowed)

  // The profile of RFC 9068, by the other library.
  const request = (value) => new Request(audience, { headers: { authorization: `Bearer ${value}` } })
  const signed = { signingAlgorithms: [alg], ...options }
  assert.equal((await oauth.validateJwtAccessToken(server, request(token), audience, signed)).sub, payload.sub)
  await assert.rejects(oauth.validateJwtAccessToken(server, request(tampered(token)), audience, signed))
  await assert.rejects(oauth.validateJwtAccessToken(server, request(token), world.elsewhere, signed))
}

// The same by openid-client, which is what applications use.
const insecure = issuer.protocol === 'http:' ? { execute: [openid.allowInsecureRequests] } : {}
async function discover(id, auth) {
  return openid.discovery(issuer, id, undefined, auth, insecure)
}

async function introspect(pat, token) {
  const client = { client_id: pat.id }
  const answer = await oauth.introspectionRequest(server, client, oauth.ClientSecretBasic(pat.secret), token, options)
  return oauth.processIntrospectionResponse(server, client, answer)
}

for (const [alg, audience] of Object.entries(world.audiences)) {
  await verify(await clientCredentials(audience), audience, alg)
  await verify(await exchange(audience), audience, alg)
  const application = await discover(world.bob.id, openid.ClientSecretBasic(world.bob.secret))
  await verify((await openid.clientCredentialsGrant(application, { audience })).access_token, audience, alg)
  const form = { subject_token: world.alice.token, subject_token_type: accessToken, audience }
  await verify((await openid.genericGrantRequest(await discover(world.alice.id, openid.None()), exchangeGrant, form)).access_token, audience, alg)
  console.log('verified', alg)
}
const audience = world.audiences.ES256
const wrongSecret = oauth.ClientSecretBasic(altered(world.bob.secret))
await assert.rejects(clientCredentials(audience, wrongSecret), (refused) => {
  // As a response with a challenge the library reports it without the body.
  return refused instanceof oauth.WWWAuthenticateChallengeError && refused.status === 401
})
const stranger = await discover(world.bob.id, openid.ClientSecretBasic(altered(world.bob.secret)))
await assert.rejects(openid.clientCredentialsGrant(stranger, { audience }), { status: 401 })
await assert.rejects(exchange(audience, { subject_token: 'x' }), { error: 'invalid_request' })

const application = await discover(world.bob.id, openid.ClientSecretBasic(world.bob.secret))
const token = (await openid.clientCredentialsGrant(application, { audience })).access_token
assert.equal((await openid.tokenIntrospection(application, token)).active, true)
const live = await introspect(world.bob, token)
assert.equal(live.active, true)
assert.equal(live.sub, jose.decodeJwt(token).sub)
if (world.admin) {
  assert.equal((await introspect(world.admin, token)).active, true)
  assert.equal((await introspect(world.admin, tampered(token))).active, false)
}
const revoked = await oauth.revocationRequest(server, bob, basic, token, options)
await oauth.processRevocationResponse(revoked)
if (world.admin) {
  assert.equal((await introspect(world.admin, token)).active, false)
}

if (world.openid) {
  const opened = await exchange(audience, { scope: 'openid' })
  const { sub } = jose.decodeJwt(opened)
  const answer = await oauth.userInfoRequest(server, bob, opened, options)
  await oauth.processUserInfoResponse(server, bob, sub, answer)
}
console.log('done')
