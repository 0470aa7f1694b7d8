"use strict";

// What the server's report about a request means, in words.

const KINDS = { cookie: "cookie", jwt: "JWT", opaque: "opaque token", none: "no credential" };

// The claims that are times.
const TIMES = ["exp", "iat", "auth_time"];

// Why a credential was rejected. The server logs these reasons, and sends them only to the inspector.
const REASONS = {
  unknown: "It proves no sign-in: the sign-in has ended, or the credential was never issued.",
  expired: "It has expired.",
  rotated: "A newer credential has replaced it.",
  reused: "It was replaced by a newer one and used again, so it may have been stolen.",
  malformed: "It does not have the form of a credential. A JWT without a signature, for example, is none.",
  duplicate: "The request carries more than one.",
  unrecognized: "No backend knows credentials of this form.",
  "bad signature": "The signature does not fit: the token was changed, or signed with another key.",
  "unknown algorithm": "The header names an algorithm that the server does not accept, such as none.",
  "no algorithm": "The header names no algorithm.",
  "wrong algorithm": "The key is for another algorithm.",
  "unknown key": "No key of the server has made the signature.",
};

const REFUSALS = {
  401: "The answer needs a user, so it is 401: sign in first.",
  403: "The user may not do this, or the request comes from another site. Signing in again would not help.",
  429: "Too many wrong passwords.",
  503: "The store does not answer. The shop says so, and does not treat the user as signed out.",
};

function kindOf({ credential, report }) {
  if (credential) return parts(credential) ? "jwt" : "opaque";
  return report.cookies.length > 0 ? "cookie" : "none";
}

// Returns the three parts of a JWT, or null if it is another token.
function parts(token) {
  const split = token.split(".");
  return split.length === 3 ? split : null;
}

// Decodes a part of a JWT. Anyone can: only the signature needs a key.
function decode(part) {
  const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
  const utf8 = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(utf8));
}

function line(...content) {
  return element("p", {}, content);
}

function code(text) {
  return element("code", {}, text);
}

function sentBy({ path, credential, report, attributes }) {
  const { cookies, header_bytes } = report;
  const lines = cookies.map((cookie) => cookieLine(cookie, attributes));
  if (credential) lines.push(...tokenLines(credential));
  if (path.endsWith("/login")) lines.push(line("A username and a password, in the body."));
  if (lines.length === 0) lines.push(line("No cookie and no token. The request does not say who sent it."));
  lines.push(element("p", { className: "hint" }, `All headers: ${bytes(header_bytes)}`));
  return lines;
}

// A script cannot read the value, and the server does not tell it. The fingerprint shows when it changes.
function cookieLine({ name, bytes: size, fingerprint }, attributes) {
  const known = attributes.get(name);
  return line("Cookie ", code(name), ` of ${bytes(size)}, fingerprint `, code(fingerprint),
    known ? element("span", { className: "hint" }, ` · ${known}`) : null);
}

function tokenLines(token) {
  const jwt = parts(token);
  if (!jwt) {
    return [line(`Opaque token of ${bytes(token.length)}: `, code(`${token.slice(0, 8)}…`),
      element("span", { className: "hint" }, " random; it means nothing without the store"))];
  }
  return [line(`JWT of ${bytes(token.length)} in the `, code("Authorization"), " header:"),
    element("div", { className: "jwt" },
      block("Header", jwt[0], describe(jwt[0])), block("Claims", jwt[1], describe(jwt[1])), signature(jwt[2]))];
}

function block(name, part, text) {
  const title = element("b", {}, `${name} `, element("span", { className: "hint" }, bytes(part.length)));
  return element("div", { data: { part: name } }, title, element("pre", {}, text));
}

function describe(part) {
  try {
    return Object.entries(decode(part)).map(([name, value]) => `${name}: ${claim(name, value)}`).join("\n");
  } catch {
    return part;
  }
}

function claim(name, value) {
  if (TIMES.includes(name)) return `${value} (${new Date(value * 1000).toLocaleTimeString("en-GB")})`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function signature(part) {
  const text = part === "" ? "(empty)" : `${part.slice(0, 10)}… only the server can make it`;
  return block("Signature", part, text);
}

function decidedOn({ path, status, report }) {
  const lines = [line(verdict(report.decision))];
  if (report.reason) lines.push(line(REASONS[report.reason] ?? `Reason: ${report.reason}.`));
  const wrong = status === 401 && path.endsWith("/login");
  const why = wrong ? "The user does not exist, or the password is wrong. The answer does not say which." : REFUSALS[status];
  if (why) lines.push(line(why));
  if (report.events.length > 0) lines.push(logOf(report.events));
  return lines;
}

// The layer reports a decision once it has let the request in.
function verdict(decision) {
  switch (decision?.outcome) {
    case "user": return user(decision);
    case "visitor": return "A known visitor: a session without a signed-in user.";
    case "unidentified": return "The request identifies no user.";
    case "rejected": return "The credential was rejected.";
    default: return "The layer refused the request before it reached the shop.";
  }
}

function user({ subject, roles, scheme, sign_in }) {
  const role = roles.join(", ") || "no role";
  return `This is ${subject} (${role}), who sent the ${scheme} credential of the sign-in ${sign_in}.`;
}

function logOf(events) {
  const log = element("ul", { className: "log" },
    events.map(({ level, text }) => element("li", {}, element("span", { className: "hint" }, `${level} `), text)));
  log.setAttribute("aria-label", "What the library logged");
  return log;
}

function askedStore({ store, peeks, calls }) {
  const lines = [];
  if (peeks.includes("hit")) lines.push(line("The sign-in was in the memory of this server: no round trip."));
  else if (peeks.includes("miss")) lines.push(line("The sign-in was not in the memory of this server."));
  if (calls.length > 0) {
    const listed = calls.flatMap(({ op, micros, error }, at) =>
      [at ? ", " : "", code(op), ` ${time(micros / 1000)}`, error ? ` (${error})` : ""]);
    lines.push(line(plural(calls.length, "call"), ` to the ${store} store: `, listed));
  }
  if (lines.length === 0) lines.push(line("Not asked."));
  return lines;
}

function cameBack({ status, report, size, millis }) {
  const body = size ? ` with ${bytes(size)} of JSON` : "";
  const took = `, after ${time(report.micros / 1000)} in the shop and ${time(millis)} in all.`;
  return [line(element("b", {}, String(status)), body, took), ...report.set_cookies.map(setCookie)];
}

function setCookie({ name, bytes: size, fingerprint, attributes, removed }) {
  if (removed) return line("Removes the cookie ", code(name), ".");
  return line("Sets the cookie ", code(name), ` of ${bytes(size)}, fingerprint `, code(fingerprint),
    element("span", { className: "hint" }, ` · ${attributes}`));
}
