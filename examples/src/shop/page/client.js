"use strict";

// Requests of the page, and the access token that they carry.

// Whether this tab is a device of its own: it sends no cookies, and keeps its tokens in memory only.
const SEPARATE = new URLSearchParams(location.search).has("device");

// The access token, if the shop issues tokens. It is kept only here, and is lost with the page. The
// refresh token is in a cookie that scripts cannot read, so an injected script cannot steal it.
let token = null;
// The refresh token of a tab that sends no cookies.
let refreshToken = null;
// Whether the browser may have a refresh token. The first 401 to a refresh shows that it has not.
let renewable = true;
// The refresh in progress, if any.
let renewal = null;

// Sends one request, and hands what the server reports about it to the inspector. `options` are the
// credential, instead of the page's own, and whether cookies are sent.
async function exchange(method, path, { body, credential, cookies = true, inspect = "1" } = {}) {
  const init = { method, headers: { inspect }, credentials: cookies ? "same-origin" : "omit" };
  if (credential) init.headers.authorization = `Bearer ${credential}`;
  if (body) {
    init.headers["content-type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const started = performance.now();
  const response = await fetch(path, init);
  const json = response.status === 204 ? null : await response.json();
  const millis = performance.now() - started;
  const proof = credential ?? body?.refresh_token;
  const report = observe({ method, path, credential: proof, response, json, millis });
  return { response, json, report };
}

async function request(method, path, body) {
  if (path === "/refresh" && refreshToken) body = { refresh_token: refreshToken };
  const { response, json } = await exchange(method, path, { body, credential: token, cookies: !SEPARATE });
  if (response.ok && json?.access_token) {
    token = json.access_token;
    refreshToken = json.refresh_token ?? null;
    renewable = true;
  }
  return { response, json };
}

// Gets a new access token. Concurrent calls share one request, because a refresh token is valid once.
function renew() {
  token = null;
  renewal ??= request("POST", "/refresh")
    .then((result) => {
      renewable = result.response.status !== 401;
      return result;
    })
    .finally(() => { renewal = null; });
  return renewal;
}

// Sends a request, and sends it again with a new token if the token has expired. If the refresh fails
// with anything but 401, returns that failure: the user may still be signed in.
async function send(method, path, body) {
  const result = await request(method, path, body);
  if (result.response.status !== 401 || !renewable || path === "/login") return result;
  const renewed = await renew();
  if (renewed.response.ok) return request(method, path, body);
  return renewable ? renewed : result;
}

// Returns the JSON of a successful response. Shows the error of any other response and returns null.
async function call(method, path, body) {
  const { response, json } = await send(method, path, body);
  if (response.ok) return json;
  find("message").textContent = json.error;
  return null;
}
