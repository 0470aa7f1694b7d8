"use strict";

const find = (id) => document.getElementById(id);

// The access token, if the shop signs in by tokens. It is nowhere else, and goes with the page; the
// cookie that brings a new one is out of reach for scripts.
let token = null;
// Whether that cookie may be there. The first refusal shows it.
let renewable = true;
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

// One at a time, whoever asks.
function renew() {
  token = null;
  renewal ??= request("POST", "/refresh")
    .then((answer) => {
      renewable = answer.response.status !== 401;
      return answer;
    })
    .finally(() => { renewal = null; });
  return renewal;
}

// The answer; if the token had ended, that to the next one. Without a next one, nobody may be taken
// for signed out unless the shop says so.
async function send(method, path, body) {
  const answer = await request(method, path, body);
  if (answer.response.status !== 401 || !renewable || path === "/login") return answer;
  const renewed = await renew();
  if (renewed.response.ok) return request(method, path, body);
  return renewable ? renewed : answer;
}

// The JSON of an answer, or none. What went wrong is shown.
async function call(method, path, body) {
  const { response, json } = await send(method, path, body);
  if (response.ok) return json;
  find("message").textContent = json.error;
  return null;
}

// The sign-in that is listened to, and what stops listening.
let listening = null;
// How many requests of the user's own are under way: what they end is no news.
let acting = 0;

// Listens for the end of this sign-in, if it is not listened to already; of none, to nothing.
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
    later(); // the shop stopped, or the network did, or nobody knows
    return;
  }
  if (acting === 0) find("message").textContent = `This sign-in has ended: ${ended}.`;
  await show();
}

// How the sign-in ended; none if the shop has stopped before. `EventSource` sends no token.
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

// Everything from the server is text, never markup.
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

// What is said while there is nothing new to show.
const AWAY = "The shop does not know right now. This page asks again.";
// The first and the longest pause before it is asked again, in milliseconds.
const FIRST = 500;
const LONGEST = 15000;
let pause = FIRST;
let timer = null;

// Looks again after a while, and after a longer one if that does not help.
function later() {
  clearTimeout(timer);
  timer = setTimeout(show, pause);
  pause = Math.min(pause * 2, LONGEST);
}

// Shows what the shop says. What it does not say stays as it is: without an answer, or when the shop
// cannot know, nobody is taken for signed out.
async function show() {
  clearTimeout(timer);
  if (await view().catch(() => false)) {
    if (find("message").textContent === AWAY) find("message").textContent = "";
    return;
  }
  find("message").textContent ||= AWAY;
  later();
}

// Whether the shop said what there is to see.
async function view() {
  const asked = await send("GET", "/me");
  if (!asked.response.ok && asked.response.status !== 401) return false;
  const me = asked.response.ok ? asked.json : null;
  find("who").textContent = me
    ? `${me.display_name} (${me.roles.join(", ")}) is signed in.`
    : "Nobody is signed in.";
  find("login").hidden = me !== null;
  find("account").hidden = me === null;
  follow(me?.sign_in ?? null);
  if (me === null) pause = FIRST;
  // By tokens alone, a visitor has no cart.
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

async function act(method, path, body) {
  find("message").textContent = "";
  acting += 1;
  try {
    return await call(method, path, body);
  } catch {
    return null; // no answer: `show` says so
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
