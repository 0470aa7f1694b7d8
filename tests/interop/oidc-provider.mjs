// An OpenID provider, npm's `oidc-provider`, on a port of this machine.
//
// Its argument is JSON: `{"port", "clients"}`. It prints a line when it listens, and ends with its standard
// input. `POST /test/rotate` makes it sign with a new key, and publish the keys from before as well.
// `POST /test/refresh-token` returns a refresh token of the first client.

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";

import { Provider } from "oidc-provider";

const { port, clients } = JSON.parse(process.argv[2]);
const issuer = `http://localhost:${port}`;

const newKey = () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "RS256" };
};

// Access tokens are for the API, whatever the client asked for. Those for `urn:opaque` are opaque, and others
// are signed.
const resource = {
  scope: "read orders:read orders:write",
  audience: "api",
  accessTokenFormat: "jwt",
  accessTokenTTL: 3600,
  jwt: { sign: { alg: "RS256" } },
};

const provider = (keys) =>
  new Provider(issuer, {
    clients,
    jwks: { keys },
    cookies: { keys: ["only for tests"] },
    // The dispatcher refuses addresses of this machine, where the clients are.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    scopes: ["openid", "offline_access", "profile", "read"],
    claims: { openid: ["sub"], profile: ["name"] },
    conformIdTokenClaims: false,
    // Any username logs in.
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, name: `${sub} of the provider` }) }),
    features: {
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:api",
        useGrantedResource: () => false,
        getResourceServerInfo: (_, name) =>
          name === "urn:opaque" ? { ...resource, accessTokenFormat: "opaque" } : resource,
      },
    },
  });

let keys = [newKey()];
let current = provider(keys);
let answer = current.callback();

createServer(async (request, response) => {
  if (request.url === "/test/refresh-token") {
    const client = await current.Client.find(clients[0].client_id);
    const token = new current.RefreshToken({ accountId: "alice", client, scope: "read" });
    response.end(await token.save());
    return;
  }
  if (request.url !== "/test/rotate") return answer(request, response);
  // The provider signs with the first key.
  keys = [newKey(), ...keys];
  current = provider(keys);
  answer = current.callback();
  response.end(keys[0].kid);
}).listen(port, "localhost", () => console.log("listening"));

process.stdin.on("end", () => process.exit()).resume();
