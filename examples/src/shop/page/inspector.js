"use strict";

// The inspector: a list of the requests of this page, with what the server reports about each. The
// server reports in the header `Inspection` of the response, and only if the request asks for it.

// How many requests are listed.
const MOST = 40;
// What `Set-Cookie` said about each cookie. A later request carries only its name and value.
const attributes = new Map();
// The entry that is open because it is the newest. Another one was opened by the user and stays open.
let newest = null;

// Lists a request. Returns what the server reports about it, or null if it reports nothing.
function observe({ method, path, credential, response, json, millis }) {
  const header = response.headers.get("inspection");
  if (header === null) return null;
  const report = JSON.parse(header);
  if (path.startsWith("/compare/")) report.store = "memory"; // whatever the store of the shop is
  for (const cookie of report.set_cookies) attributes.set(cookie.name, cookie.attributes);
  const size = json == null ? 0 : new TextEncoder().encode(JSON.stringify(json)).length;
  const seen = { method, path, credential, status: response.status, report, size, millis, attributes };
  revealSections();
  add(entry(seen));
  return report;
}

// Shows the parts of the page that need reports.
function revealSections() {
  for (const id of ["sections", "lead", "inspector", "compare", "attacks", "credential", "second"]) {
    find(id).hidden = false;
  }
  if (SEPARATE) find("credential").hidden = find("second").hidden = true;
}

function add(item) {
  const requests = find("requests");
  if (newest) newest.open = false;
  newest = item.querySelector("details");
  newest.open = true;
  requests.prepend(item);
  while (requests.children.length > MOST) requests.lastChild.remove();
}

// Returns the entry of a request: a line, and four steps behind it.
function entry(seen) {
  const { method, path, status, report } = seen;
  const summary = element("summary", {},
    statusCode(status),
    element("span", { className: "path" }, element("b", {}, method), ` ${path}`),
    element("span", { className: "tag", data: { kind: kindOf(seen) } }, KINDS[kindOf(seen)]),
    element("span", { className: "took" }, time(report.micros / 1000)));
  const steps = [
    step("Sent", sentBy(seen)),
    step("Decided", decidedOn(seen)),
    step("Store", askedStore(report)),
    step("Came back", cameBack(seen)),
  ];
  return element("li", {}, element("details", {}, summary, element("dl", { className: "steps" }, steps)));
}

function step(name, content) {
  return element("div", {}, element("dt", {}, name), element("dd", {}, content));
}

find("clear").addEventListener("click", () => {
  find("requests").replaceChildren();
  newest = null;
});
