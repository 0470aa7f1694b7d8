"use strict";

const find = (id) => document.getElementById(id);

// The access token, if the shop issues tokens. It is kept only here, and is lost with the page. The
// refresh token is in a cookie that scripts cannot read, so an injected script cannot steal it.
let token = null;
// Whether the browser may have that cookie. The first 401 to a refresh shows that it has not.
let renewable = true;
// The refresh in progress, if any.
let renewal = null;

async function request(method, path, body) {
  const init = { method, headers: {} };
  if (token) init.headers.authorization = `Bearer ${token}`;
  if (body) {
    init.headers["content-type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const response = await fetch(path, init);
  const json = response.status === 204 ? null : await response.json();
  if (response.ok && json?.access_token) {
    token = json.access_token;
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

// The sign-in whose events the page receives, and the controller that closes the stream.
let listening = null;
// How many of the user's own actions are in progress. A sign-in that they end needs no message.
let acting = 0;

// Opens the event stream of this sign-in, unless it is open. Without a sign-in, closes the stream.
function follow(signIn) {
  if (listening?.signIn === signIn) return;
  listening?.stop.abort();
  listening = signIn ? { signIn, stop: new AbortController() } : null;
  if (listening) listen(listening);
}

async function listen(to) {
  const ended = await lastEvent(to.stop.signal).catch(() => null);
  if (listening !== to) return;
  listening = null;
  if (ended === null || ended === "unconfirmed") {
    later(); // the shop or the network has failed, or the shop cannot tell
    return;
  }
  if (acting === 0) find("message").textContent = `This sign-in has ended: ${ended}.`;
  await show();
}

// Returns why the sign-in has ended, or null if the stream ended first. This is not an `EventSource`,
// because that cannot send a token.
async function lastEvent(signal) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const response = await fetch("/events", { signal, headers });
  if (!response.ok) return null;
  pause = FIRST;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { done, value } = await reader.read();
    if (done) return text.match(/event: ended\ndata: (.*)\n/)?.[1] ?? null;
    text += value;
  }
}

// Fills a list. Data from the server is inserted as text, never as markup (cross-site scripting).
function list(id, rows) {
  find(id).replaceChildren(...rows.map(({ text, current, button }) => {
    const item = document.createElement("li");
    item.textContent = `${text} `;
    item.className = current ? "current" : "";
    if (button) item.append(button);
    return item;
  }));
}

function endButton(device) {
  const button = document.createElement("button");
  button.textContent = "End";
  button.addEventListener("click", () => act("DELETE", `/devices/${device.sign_in}`));
  return button;
}

// The message while the shop does not answer.
const AWAY = "The shop is not available. Trying again.";
// The first and the longest pause before the next attempt, in milliseconds.
const FIRST = 500;
const LONGEST = 15000;
let pause = FIRST;
let timer = null;

// Updates the page after a pause, which doubles with each attempt.
function later() {
  clearTimeout(timer);
  timer = setTimeout(show, pause);
  pause = Math.min(pause * 2, LONGEST);
}

// Updates the page. Without an answer, or with 503, the page keeps what it shows: a user is shown as
// signed out only if the shop says so.
async function show() {
  clearTimeout(timer);
  if (await view().catch(() => false)) {
    if (find("message").textContent === AWAY) find("message").textContent = "";
    return;
  }
  find("message").textContent ||= AWAY;
  later();
}

// Shows the user, the cart and the devices. Returns false if the shop is not available.
async function view() {
  const profile = await send("GET", "/me");
  if (!profile.response.ok && profile.response.status !== 401) return false;
  const me = profile.response.ok ? profile.json : null;
  find("who").textContent = me
    ? `${me.display_name} (${me.roles.join(", ")}) is signed in.`
    : "Not signed in.";
  find("login").hidden = me !== null;
  find("account").hidden = me === null;
  follow(me?.sign_in ?? null);
  if (me === null) pause = FIRST;
  // A visitor has no cart if the shop issues only tokens.
  const cart = await send("GET", "/cart");
  if (cart.response.status === 503) return false;
  find("add").hidden = cart.response.status === 401;
  const items = cart.response.ok ? Object.entries(cart.json) : [];
  list("cart", items.map(([item, count]) => ({ text: `${count} × ${item}` })));
  const devices = me ? await send("GET", "/devices") : null;
  if (devices?.response.status === 503) return false;
  const known = devices?.response.ok ? devices.json : [];
  list("devices", known.map((device) => ({
    text: [
      device.label ?? device.user_agent ?? "unknown device",
      device.address,
      `since ${new Date(device.created_at * 1000).toLocaleString()}`,
    ].filter(Boolean).join(", "),
    current: device.current,
    button: endButton(device),
  })));
  return true;
}

// Sends a request for the user, and updates the page.
async function act(method, path, body) {
  find("message").textContent = "";
  acting += 1;
  try {
    return await call(method, path, body);
  } catch {
    return null; // no answer: `show` displays that
  } finally {
    await show();
    acting -= 1;
  }
}

find("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const fields = new FormData(form);
  const login = { username: fields.get("username"), password: fields.get("password") };
  if (fields.get("label")) login.label = fields.get("label");
  login.remember = fields.has("remember");
  act("POST", "/login", login).then(() => form.reset());
});

find("add").addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(event.target);
  act("POST", "/cart", { item: fields.get("item"), quantity: Number(fields.get("quantity")) });
});

for (const form of document.querySelectorAll("#account form")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act("POST", new URL(form.action).pathname);
  });
}

show();
