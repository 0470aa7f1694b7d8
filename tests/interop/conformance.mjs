// The conformance tests of the Model Context Protocol, npm's `@modelcontextprotocol/conformance`, as a client
// with a token: each request has the bearer token in the variable `TOKEN`. The arguments are those of the
// package's own command.
//
// The package imports a function of Node.js 22 that the tests of servers do not call. This makes it run with
// Node.js 20 as well.

import { register } from "node:module";

const hooks = `export const load = async (url, context, next) => {
  const loaded = await next(url, context);
  if (!url.includes("/@modelcontextprotocol/conformance/")) return loaded;
  return { ...loaded, source: String(loaded.source).replace(/\\bglobSync as \\w+,/, "") };
};`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const { fetch } = globalThis;
globalThis.fetch = (url, options = {}) => {
  const headers = new Headers(options.headers);
  headers.set("authorization", `Bearer ${process.env.TOKEN}`);
  return fetch(url, { ...options, headers });
};

await import("./node_modules/@modelcontextprotocol/conformance/dist/index.js");
