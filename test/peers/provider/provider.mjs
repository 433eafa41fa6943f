// oidc-provider as people set it up: one confidential client, its own pages for login
// and consent, claims of the scope profile at userinfo only.
//
//   node provider.mjs ES256|RS256 REDIRECT_URI POST_LOGOUT_URI
//
// Prints its issuer once it listens. Whoever logs in is in the groups clerks and staff.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [alg, redirect, postLogout] = process.argv.slice(2);
const key = (kid, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), kid, use: 'sig',
});

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'cambio',
      client_secret: 's3cr3t/+ with a space',
      redirect_uris: [redirect],
      post_logout_redirect_uris: [postLogout],
      id_token_signed_response_alg: alg,
    }],
    jwks: { keys: [key('r', 'rsa', { modulusLength: 2048 }), key('e', 'ec', { namedCurve: 'P-256' })] },
    claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'], email: ['email', 'email_verified'] },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({
        sub, name: `Name of ${sub}`, preferred_username: sub, email: `${sub}@example.com`, email_verified: true, groups: ['clerks', 'staff'],
      }),
    }),
    cookies: { keys: ['of one test'] },
  });
  server.on('request', provider.callback());
  process.stdout.write(`${issuer}\n`);
});
