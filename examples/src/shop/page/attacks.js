"use strict";

// The classics: what an attacker tries, what the shop answers, and why.

// Collects the steps of one attack, as the page shows them.
class Story {
  constructor(steps) {
    this.steps = steps;
  }

  // Adds a step: what was done, and the status of the answer.
  tell(text, status) {
    this.steps.append(element("li", {}, statusCode(status), element("span", {}, text)));
    return status;
  }

  async send(text, client, method, path, options) {
    const result = await client.send(method, path, options);
    this.tell(text, result.status);
    return result;
  }

  // Sends a request that has nothing to do with the attack. Without the expected answer, the attack shows nothing.
  async expect(expected, text, client, method, path, options) {
    const { status } = await this.send(text, client, method, path, options);
    if (status !== expected) throw new Error(`this step was answered with ${status} instead of ${expected}`);
  }
}

async function replay(story) {
  const answers = [];
  for (const kind of ["opaque", "jwt"]) {
    const client = new Client(kind);
    await client.signIn("replay");
    await story.expect(200, `${KINDS[kind]}: the customer asks, and is known`, client, "GET", "/me");
    await story.expect(204, `${KINDS[kind]}: the customer signs out`, client, "POST", "/logout");
    answers.push(await story.send(`${KINDS[kind]}: a thief sends a copy of it`, client, "GET", "/me"));
  }
  return answers.every(({ status }) => status === 401);
}

async function stolenRefresh(story) {
  const client = new Client("jwt");
  await client.signIn("stolen refresh token");
  const copied = { body: { refresh_token: client.refresh } };
  await story.expect(200, "The customer renews: a new refresh token replaces the first", client, "POST", "/refresh");
  await story.expect(200, "The customer uses the new token", client, "GET", "/me");
  await story.expect(200, "The customer renews again", client, "POST", "/refresh");
  const thief = await story.send("A thief renews with a copy of the first", client, "POST", "/refresh", copied);
  const after = await story.send("The customer's own token, a moment later", client, "GET", "/me");
  return thief.status === 401 && after.status === 401;
}

// Returns base64url of a value's JSON.
function encode(value) {
  return btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// Returns the claims of a token with the role of an admin.
function promoted(claims) {
  return encode({ ...decode(claims), roles: ["admin"] });
}

async function tampered(story) {
  const client = new Client("jwt");
  await client.signIn("tampered token");
  await story.expect(403, "The customer, a buyer, asks for the page of admins", client, "GET", "/admin");
  const [header, claims, signature] = parts(client.access);
  const credential = [header, promoted(claims), signature].join(".");
  const answer = await story.send("The same, with admin among the claims", client, "GET", "/admin", { credential });
  await client.send("POST", "/logout");
  return answer.status === 401;
}

async function algNone(story) {
  const client = new Client("jwt");
  await client.signIn("alg: none");
  const [header, claims, signature] = parts(client.access);
  const forged = `${encode({ ...decode(header), alg: "none" })}.${promoted(claims)}.`;
  const answers = [];
  for (const [text, credential] of [
    ["A token that says it needs no signature, and has none", forged],
    ["The same with the signature of the real token", forged + signature],
  ]) answers.push(await story.send(text, client, "GET", "/admin", { credential }));
  await client.send("POST", "/logout");
  return answers.every(({ status }) => status === 401);
}

// Opens a page of another site, whose form posts to the shop, and waits for what the shop answers.
async function crossSite(story) {
  const me = async () => (await exchange("GET", "/me", { credential: token, cookies: !SEPARATE })).response.status;
  const before = await me();
  const host = location.hostname === "localhost" ? "127.0.0.1" : "localhost";
  const other = window.open(`http://${host}:${location.port}/other-site/${location.hostname}`, "other-site");
  if (!other) throw new Error("the browser has blocked the new tab");
  const hint = element("li", {}, "A new tab shows a page of another site. Press its button, then come back.");
  story.steps.append(hint);
  const status = await answerIn(other);
  hint.remove();
  story.tell("The form of the other site posts to /logout", status);
  const after = story.tell("This page asks who is signed in", await me());
  return status === 403 && after === before;
}

// How long the page waits for a click in the other tab, in milliseconds.
const PATIENCE = 2 * 60 * 1000;

// Returns the status of the shop's answer in another tab. While that shows the other site, the browser
// does not let this page read it.
async function answerIn(other) {
  const started = performance.now();
  while (!other.closed) {
    try {
      const [navigation] = other.performance.getEntriesByType("navigation");
      if (other.location.pathname === "/logout" && navigation) return navigation.responseStatus;
    } catch {
      // the other site
    }
    if (performance.now() - started > PATIENCE) throw new Error("the form was not sent within two minutes");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("the tab was closed before its form was sent");
}

async function roleTaken(story) {
  const client = new Client("jwt");
  await client.signIn("role taken away");
  await story.expect(204, "The customer becomes an admin", client, "POST", "/role", { body: { admin: true } });
  await story.expect(200, "The customer's token opens the page of admins", client, "GET", "/admin");
  await story.expect(204, "The role is taken away", client, "POST", "/role", { body: { admin: false } });
  const answer = await story.send("The same token, a moment later", client, "GET", "/admin");
  await client.send("POST", "/logout");
  return answer.status === 403;
}

async function storePaused(story) {
  const client = new Client("opaque");
  await client.signIn("store paused");
  await story.expect(200, "The customer asks", client, "GET", "/me");
  const paused = await story.send("The same, while the store is silent", client, "GET", "/me", { inspect: "paused" });
  await story.expect(200, "The same, once the store is back", client, "GET", "/me");
  await client.send("POST", "/logout");
  return paused.status === 503;
}

// Each attack returns whether the shop withstood it.
const ATTACKS = [
  {
    id: "replay", name: "Replay after sign-out", run: replay,
    what: "Copy a token, wait for the sign-out, and send it again.",
    why: `Neither token had expired, and the signature of the JWT is still right. But both belong to a stored
      sign-in, and that has ended.`,
  },
  {
    id: "stolen-refresh", name: "Stolen refresh token", run: stolenRefresh,
    what: "Use a refresh token that a newer one has replaced.",
    why: `Two parties have tokens of one sign-in, and the shop cannot know which of them is the thief. So the
      sign-in ends for both, and the customer signs in again.`,
  },
  {
    id: "tampered", name: "Tampered token", run: tampered,
    what: "Write another role into the claims of a JWT.",
    why: "Anyone can read and change claims. But the signature covers every byte, and only the shop has the key.",
  },
  {
    id: "alg-none", name: "alg: none", run: algNone,
    what: "Ask the server not to verify the signature.",
    why: `Each key is for one algorithm. The server never lets a token choose how it is verified, and does not
      know an algorithm without a signature.`,
  },
  {
    id: "cross-site", name: "Cross-site form", run: crossSite,
    what: "Lure a user to another site, whose form posts to the shop.",
    why: `The browser says that the request comes from another site, and leaves the SameSite cookie out. The layer
      refuses the request: it neither uses, sets nor removes a cookie for another site.`,
  },
  {
    id: "role", name: "Role taken away", run: roleTaken,
    what: "Keep using a token whose claims say admin.",
    why: `The roles are those of the stored sign-in, not those in the token. So a change takes effect at the next
      request, before the token expires.`,
  },
  {
    id: "paused", name: "Store paused", run: storePaused,
    what: "No attack, but often worse: the store stops answering.",
    why: `Without the store, the shop cannot tell who asks. It answers 503 and not 401, so the customer stays signed
      in, and never treats the request as anonymous.`,
  },
];

function card({ id, name, what, why, run }) {
  const steps = element("ol", { className: "story" });
  const outcome = element("p", { className: "outcome" });
  outcome.setAttribute("role", "status");
  const start = button("Try it", "small", () => busy(trials(), async () => {
    steps.replaceChildren();
    outcome.replaceChildren();
    const tell = (held, verdict, text) => {
      outcome.dataset.held = held;
      outcome.replaceChildren(element("b", {}, `${verdict} `), text);
    };
    try {
      const held = await run(new Story(steps));
      tell(held, held ? "The shop held." : "The shop did not hold.", held ? why : "This is a fault: please report it.");
    } catch (error) {
      tell(false, "Not finished:", `${error.message}.`);
    }
  }));
  start.setAttribute("aria-label", `Try it: ${name}`);
  return element("section", { id: `attack-${id}`, className: "card attack" },
    element("h3", {}, name), element("p", { className: "hint" }, what), start, steps, outcome);
}

find("attack-list").append(...ATTACKS.map(card));
