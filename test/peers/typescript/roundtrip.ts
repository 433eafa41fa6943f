// Uses the server of the first argument by a client that was generated from the
// contract: the life of a personal and of an organization's token, lists, an edit
// that lost a race, and errors. The compiler checks it against the contract's types;
// whatever it dislikes at run time ends it with an error.
import assert from 'node:assert/strict'
import { type Client, createClient } from './client/client/index.js'
import type { PersonalAccessToken, Problem } from './client/index.js'
import * as api from './client/index.js'

interface PAT { id: string; secret: string; token: string }
interface World { issuer: string; audiences: Record<string, string>; alice: PAT; admin: PAT }

const world = JSON.parse(process.argv[2]!) as World
const audience = Object.values(world.audiences)[0]!

// The contract has three ways to send a credential; one is enough.
const clientOf = (pat: PAT): Client =>
  createClient({ baseUrl: `${world.issuer}/api/v1`, auth: (way) => (way.scheme === 'bearer' ? pat.token : undefined) })
const alice = clientOf(world.alice)
const admin = clientOf(world.admin)

/** What the generated client returns. */
interface Answer<T> { data?: T; error?: unknown; response?: Response }

/** The data of an answer that must be one of success, with its ETag. */
async function done<T>(call: Promise<Answer<T>>): Promise<{ data: T; etag: string }> {
  const { data, error, response } = await call
  assert.ok(response?.ok, `${response?.url} ${response?.status}: ${JSON.stringify(error)}`)
  return { data: data as T, etag: response.headers.get('ETag') ?? '' }
}

/** The error of an answer that must be a refusal of this status. */
async function refused<E>(status: number, call: Promise<{ error?: E; response?: Response }>): Promise<E> {
  const { error, response } = await call
  assert.equal(response?.status, status)
  assert.ok(error)
  return error
}

/** Exchanges a token for a JWT (RFC 8693), or tells the error. */
async function exchange(token: string): Promise<{ access_token?: string; error?: string }> {
  const answer = await fetch(`${world.issuer}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience,
    }),
  })
  return (await answer.json()) as { access_token?: string; error?: string }
}

async function opens(token: string): Promise<void> {
  assert.equal((await exchange(token)).access_token?.split('.').length, 3)
}

async function opensNothing(token: string): Promise<void> {
  assert.equal((await exchange(token)).error, 'invalid_request')
}

const tokenOf = (made: PersonalAccessToken): string => made.token ?? assert.fail('no token in the answer')
const inADay = new Date(Date.now() + 86_400_000).toISOString()

async function personalToken(): Promise<void> {
  const draft = { name: 'generated', description: null, scope: ['orders:read:all'], expirationDate: inADay, audience: [audience] }
  const made = await done(api.createPersonalAccessToken({ client: alice, body: draft }))
  const path = { id: made.data.id }
  assert.deepEqual([made.data.level, made.data.status, made.data.lastUsed], ['personal', 'Active', null])
  assert.equal(made.data.owner.name, 'Alice')
  await opens(tokenOf(made.data))

  const rename = [{ op: 'replace' as const, path: '/name', value: 'renamed' }]
  const headers = { 'If-Match': made.etag }
  const patched = await done(api.patchPersonalAccessToken({ client: alice, path, headers, body: rename }))
  assert.equal(patched.data.name, 'renamed')
  assert.notEqual(patched.etag, made.etag)
  const late = await refused(412, api.patchPersonalAccessToken({ client: alice, path, headers, body: rename }))
  assert.match((late as { detailCode: string }).detailCode, /^412/)

  const rotated = await done(api.rotatePersonalAccessToken({ client: alice, path, body: { gracePeriodSeconds: 0 } }))
  assert.equal(rotated.data.id, made.data.id)
  await opens(tokenOf(rotated.data))
  await opensNothing(tokenOf(made.data))

  const ended = await done(api.revokePersonalAccessToken({ client: alice, path, body: { reason: 'unused' } }))
  assert.deepEqual([ended.data.status, ended.data.revokeReason, ended.data.reactivatable], ['Revoked', 'unused', false])
  await opensNothing(tokenOf(rotated.data))

  await done(api.deletePersonalAccessToken({ client: alice, path }))
  await refused(404, api.getPersonalAccessToken({ client: alice, path }))
}

async function organizationToken(): Promise<void> {
  const { data: me } = await done(api.getMe({ client: admin }))
  const id = me.organization.id
  const made = await done(api.createOrganizationAccessToken({ client: admin, path: { id }, body: { name: 'generated', adminRole: true } }))
  assert.deepEqual([made.data.level, made.data.levelId, made.data.adminRole], ['organization', id, true])
  const at = { client: admin, path: { id, tokenId: made.data.id } }
  await opens(tokenOf(made.data))

  const body = [{ op: 'test' as const, path: '/description', value: null }, { op: 'add' as const, path: '/description', value: 'by machine' }]
  const patched = await done(api.patchOrganizationAccessToken({ ...at, body }))
  assert.equal(patched.data.description, 'by machine')
  await refused(409, api.patchOrganizationAccessToken({ ...at, body }))

  const rotated = await done(api.rotateOrganizationAccessToken(at))
  for (const secret of [made, rotated]) await opens(tokenOf(secret.data)) // both, in the grace period

  const disabled = await done(api.revokeOrganizationAccessToken(at))
  assert.deepEqual([disabled.data.status, disabled.data.reactivatable], ['Revoked', true])
  await opensNothing(tokenOf(rotated.data))
  await done(api.reactivateOrganizationAccessToken(at))
  await opens(tokenOf(rotated.data))

  await done(api.revokeOrganizationAccessToken({ ...at, body: { reason: 'compromised' } }))
  await refused(400, api.reactivateOrganizationAccessToken(at))
  await done(api.deleteOrganizationAccessToken(at))
  await refused(404, api.getOrganizationAccessToken(at))
}

async function lists(): Promise<void> {
  const names = ['list b', 'list a', 'list c']
  for (const name of names) await done(api.createPersonalAccessToken({ client: alice, body: { name } }))
  const query = { 'owner-id': 'me', filters: 'name sw "list "', sorters: '-name', limit: 2, count: true }
  const first = await api.listPersonalAccessTokens({ client: alice, query })
  assert.deepEqual(first.data?.map((token) => token.name), ['list c', 'list b'])
  assert.equal(first.response?.headers.get('X-Total-Count'), '3')
  const rest = await done(api.listPersonalAccessTokens({ client: alice, query: { ...query, offset: 2 } }))
  assert.deepEqual(rest.data.map((token) => token.name), ['list a'])
  const all = await done(api.listPersonalAccessTokens({ client: alice, query: { ...query, limit: 250 } }))
  for (const { id } of all.data) await done(api.deletePersonalAccessToken({ client: alice, path: { id } }))
}

async function errors(): Promise<void> {
  const failure = await refused(400, api.createPersonalAccessToken({ client: alice, body: { name: '' } }))
  assert.ok('causes' in failure)
  assert.equal(failure.causes[0]?.text, 'name: must have 1 to 255 characters')
  const headers = { Accept: 'application/problem+json' }
  const answer = await api.createPersonalAccessToken({ client: alice, headers, body: { name: '' } })
  assert.equal(answer.response?.headers.get('Content-Type'), 'application/problem+json')
  const problem = answer.error as unknown as Problem // the generator types one media type a status
  assert.deepEqual([problem.status, problem.title, problem.detail], [400, 'Bad Request', 'name: must have 1 to 255 characters'])
  await refused(403, api.listKeys({ client: alice }))
  await refused(401, api.getMe({ client: clientOf({ ...world.alice, token: `${world.alice.token}x` }) }))
}

for (const step of [personalToken, organizationToken, lists, errors]) {
  await step()
  console.log(`${step.name}: good`)
}
console.log('done')
