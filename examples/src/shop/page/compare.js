"use strict";

// The comparison: the same requests with a cookie, an opaque token and a JWT. The shop serves the same
// handlers three times below `/compare`, each behind another backend.

// The buttons of the comparison and of the attacks. They are the same customer, so one runs at a time.
const trials = () => Array.from(document.querySelectorAll("#run-compare, .attack button"));

const CUSTOMER = { username: "customer1", password: "guest" };
const COLUMNS = ["cookie", "opaque", "jwt"];
const ROWS = [
  { name: "Sign in", method: "POST", path: "/login", body: { ...CUSTOMER, label: "comparison", delivery: "body" } },
  { name: "Who am I", method: "GET", path: "/me" },
  { name: "Add to the cart", method: "POST", path: "/cart", body: { item: "tea", quantity: 1 } },
  { name: "Renew", method: "POST", path: "/refresh" },
  { name: "Sign out", method: "POST", path: "/logout" },
];

const NOTE = `A cookie and an opaque token are short and random: only the store knows what they mean. A JWT is
  longer, because it contains its claims and a signature. The server verifies the signature once, and then remembers
  the token. Here each JWT also belongs to a stored sign-in, so a sign-out ends all three at once. The customer's
  password is hashed cheaply, so that the times show the credential and not the password.`;

// A client of one kind, with its tokens, as an application would have it.
class Client {
  constructor(kind) {
    this.kind = kind;
    this.access = null;
    this.refresh = null;
  }

  // Sends a request with the client's credential, or with another one.
  async send(method, path, { body, credential = this.access, inspect } = {}) {
    if (path === "/login" && this.kind !== "cookie") body = { ...body, credential: "token" };
    if (path === "/refresh") body ??= this.refresh ? { refresh_token: this.refresh } : undefined;
    const sent = path === "/refresh" && body ? null : credential;
    const options = { body, credential: sent, cookies: this.kind === "cookie", inspect };
    const result = await exchange(method, `/compare/${this.kind}${path}`, options);
    if (result.response.ok && result.json?.access_token) {
      this.access = result.json.access_token;
      this.refresh = result.json.refresh_token ?? null;
    }
    return { ...result, status: result.response.status, sent: sent ?? body?.refresh_token ?? "" };
  }

  async signIn(label) {
    const { status } = await this.send("POST", "/login", { body: { ...CUSTOMER, label, delivery: "body" } });
    if (status !== 200) throw new Error(`the customer could not sign in: ${status}`);
  }
}

// Returns how many bytes of the request are the credential.
function credentialBytes({ report, sent }) {
  const cookie = report.cookies.find(({ name }) => name === "compare");
  return cookie ? cookie.bytes : sent.length;
}

function cell({ status, report, sent }, isLogin) {
  const size = isLogin ? "–" : bytes(credentialBytes({ report, sent }));
  const calls = report.calls.length;
  return element("td", { data: { status } },
    element("b", {}, size),
    element("span", {}, time(report.micros / 1000)),
    element("span", { className: "hint" }, calls === 0 ? "no store call" : plural(calls, "store call")));
}

// Runs the rows in each column, and fills the table as the answers arrive.
async function compare() {
  const table = find("comparison").tBodies[0];
  const rows = ROWS.map(({ name }) => element("tr", {}, element("th", { scope: "row" }, name)));
  table.replaceChildren(...rows);
  const totals = [];
  for (const kind of COLUMNS) {
    const client = new Client(kind);
    let total = 0;
    for (const [at, { method, path, body }] of ROWS.entries()) {
      const result = await client.send(method, path, { body });
      rows[at].append(cell(result, at === 0));
      if (at > 0) total += credentialBytes(result);
    }
    totals.push(total);
  }
  table.append(element("tr", { className: "total" },
    element("th", { scope: "row" }, "Credential bytes in all"),
    totals.map((total) => element("td", {}, element("b", {}, bytes(total))))));
  find("compare-note").textContent = NOTE;
}

find("run-compare").addEventListener("click", () => busy(trials(), compare));
