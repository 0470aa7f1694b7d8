// What npm's `jose` makes of our tokens, and tokens of its own for us.
//
// It reads one JSON object from its input, { verify: [...], issue: [...] }, and answers with
// { verified: [...], issued: { jwks, tokens } }.

import { webcrypto } from 'node:crypto';
import { text } from 'node:stream/consumers';
import * as jose from 'jose';

globalThis.crypto ??= webcrypto; // before Node 20

/** { alg, token, jwks or secret, issuer, audience } -> { claims } or { error } */
async function verify({ alg, token, jwks, secret, issuer, audience }) {
  const key = jwks ? jose.createLocalJWKSet(jwks) : jose.base64url.decode(secret);
  try {
    const { payload } = await jose.jwtVerify(token, key, { algorithms: [alg], issuer, audience });
    return { claims: payload };
  } catch (error) {
    return { error: `${error.code}: ${error.message}` };
  }
}

/** A new key of each algorithm, named by it, and a token by each. */
async function issue(algorithms, claims) {
  const jwks = { keys: [] };
  const tokens = {};
  for (const alg of algorithms) {
    const shared = alg.startsWith('HS');
    const pair = shared
      ? await jose.generateSecret(alg, { extractable: true })
      : await jose.generateKeyPair(alg, { extractable: true });
    const jwk = await jose.exportJWK(shared ? pair : pair.publicKey);
    jwks.keys.push({ ...jwk, alg, kid: alg, use: 'sig' });
    tokens[alg] = await new jose.SignJWT(claims)
      .setProtectedHeader({ alg, kid: alg, typ: 'JWT' })
      .sign(shared ? pair : pair.privateKey);
  }
  return { jwks, tokens };
}

const batch = JSON.parse(await text(process.stdin));
const verified = await Promise.all(batch.verify.map(verify));
const issued = await issue(batch.issue, batch.claims);
process.stdout.write(JSON.stringify({ verified, issued }));
