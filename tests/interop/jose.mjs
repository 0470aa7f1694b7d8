// Verifies our tokens with npm's `jose`, and issues tokens for our tests to verify.
//
// Reads one JSON object from standard input, { verify: [...], issue: [...] }, and writes
// { verified: [...], issued: { jwks, tokens } } to standard output.

import { webcrypto } from 'node:crypto';
import { text } from 'node:stream/consumers';
import * as jose from 'jose';

globalThis.crypto ??= webcrypto; // before Node 20

/** Verifies { alg, token, jwks or secret, issuer, audience }, and returns { claims } or { error }. */
async function verify({ alg, token, jwks, secret, issuer, audience }) {
  const key = jwks ? jose.createLocalJWKSet(jwks) : jose.base64url.decode(secret);
  try {
    const { payload } = await jose.jwtVerify(token, key, { algorithms: [alg], issuer, audience });
    return { claims: payload };
  } catch (error) {
    return { error: `${error.code}: ${error.message}` };
  }
}

/** Generates a key for each algorithm, with its name as the `kid`, and issues a token with each. */
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
