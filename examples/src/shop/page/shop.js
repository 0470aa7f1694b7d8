"use strict";

// The shop: who is signed in, the cart, and the devices.

// Fills a list with elements, or with text. Equal rows stay, so that they keep the focus.
function list(id, rows) {
  const shown = find(id).children;
  const items = rows.map((row) => element("li", { className: row.className ?? "" }, row.content));
  if (items.length === shown.length && items.every((item, at) => item.isEqualNode(shown[at]))) return;
  find(id).replaceChildren(...items);
}

function endButton(device) {
  const end = button("End", "small", () => {
    if (acting === 0) act("DELETE", `/devices/${device.sign_in}`); // a double click ends it once
  });
  end.dataset.signIn = device.sign_in; // distinguishes two rows with the same text
  end.setAttribute("aria-label", `End the sign-in of ${deviceName(device)}`);
  return end;
}

function deviceName(device) {
  return device.label ?? shortAgent(device.user_agent) ?? "unknown device";
}

// Returns the name of the browser in a `User-Agent`, which is long.
function shortAgent(agent) {
  const name = agent?.match(/(Firefox|Edg|HeadlessChrome|Chrome|Safari|curl)\/(\d+)/);
  return name ? `${name[1]} ${name[2]}` : agent;
}

function deviceRow(device) {
  const since = new Date(device.created_at * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const details = [device.address, `since ${since}`].filter(Boolean).join(", ");
  const text = element("span", {}, element("b", {}, deviceName(device)), `, ${details} `);
  if (device.current) text.append(element("span", { className: "tag" }, "this tab"));
  return { content: [text, endButton(device)], className: device.current ? "current" : "" };
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
// signed out only if the shop says so. If the focused element is hidden or removed, the heading of the part that
// is shown gets the focus, so that the keyboard and a screen reader go on from there.
async function show() {
  clearTimeout(timer);
  const focused = hasFocus();
  const available = await view().catch(() => false);
  if (focused && !hasFocus()) find(find("account").hidden ? "login-title" : "account-title").focus();
  if (available) {
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
  const who = me ? `${me.display_name} (${me.roles.join(", ")}) is signed in.` : "Not signed in.";
  if (find("who").textContent !== who) find("who").textContent = who; // a screen reader says each change
  find("login").hidden = me !== null;
  find("account").hidden = me === null;
  follow(me?.sign_in ?? null);
  if (me === null) pause = FIRST;
  const cart = await send("GET", "/cart");
  if (cart.response.status === 503) return false;
  showCart(cart);
  const devices = me ? await send("GET", "/devices") : null;
  if (devices?.response.status === 503) return false;
  const known = devices?.response.ok ? devices.json : [];
  list("devices", known.map(deviceRow));
  return true;
}

// A visitor has no cart if the shop issues only tokens.
function showCart(cart) {
  const closed = cart.response.status === 401;
  find("add").hidden = closed;
  const items = cart.response.ok ? Object.entries(cart.json) : [];
  list("cart", items.map(([item, count]) => ({ content: `${count} × ${item}` })));
  find("cart-note").hidden = items.length > 0;
  find("cart-note").textContent = closed
    ? "A cart needs a session. This shop issues only tokens, so sign in first."
    : "Empty. What you add before you sign in is still here afterwards.";
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
  login.credential = SEPARATE ? "token" : fields.get("credential");
  if (SEPARATE) login.delivery = "body";
  showLive("", "");
  act("POST", "/login", login).then(() => form.reset());
});

for (const demo of document.querySelectorAll("#login [data-username]")) {
  demo.addEventListener("click", () => {
    for (const name of ["username", "password"]) find("login").elements[name].value = demo.dataset[name];
    find("login").querySelector("button").focus();
  });
}

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

// Another tab may have signed in or out.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && acting === 0) show();
});

show();
