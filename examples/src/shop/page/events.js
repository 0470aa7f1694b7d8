"use strict";

// The stream of events, which ends with the sign-in.

// The sign-in whose events the page receives, and the controller that closes the stream.
let listening = null;
// How many of the user's own actions are in progress. A sign-in that they end needs no message.
let acting = 0;

// Shows whether the stream is open.
function showLive(state, text) {
  find("live").dataset.state = state;
  find("live").textContent = text;
}

// Opens the event stream of this sign-in, unless it is open. Without a sign-in, closes the stream.
function follow(signIn) {
  if (listening?.signIn === signIn) return;
  listening?.stop.abort();
  listening = signIn ? { signIn, stop: new AbortController() } : null;
  if (listening) listen(listening);
  else if (find("live").dataset.state !== "ended") showLive("", "");
}

async function listen(to) {
  const ended = await lastEvent(to.stop.signal).catch(() => null);
  if (listening !== to) return;
  listening = null;
  if (ended === null || ended === "unconfirmed") {
    showLive("lost", "stream interrupted");
    later(); // the shop or the network has failed, or the shop cannot tell
    return;
  }
  if (acting === 0) {
    find("message").textContent = `This sign-in has ended: ${ended}.`;
    showLive("ended", "stream ended");
  }
  await show();
}

// Returns why the sign-in has ended, or null if the stream ended first. This is not an `EventSource`,
// because that cannot send a token.
async function lastEvent(signal) {
  const headers = token ? { inspect: "1", authorization: `Bearer ${token}` } : { inspect: "1" };
  const credentials = SEPARATE ? "omit" : "same-origin";
  const started = performance.now();
  const response = await fetch("/events", { signal, headers, credentials });
  observe({ method: "GET", path: "/events", credential: token, response, millis: performance.now() - started });
  if (!response.ok) return null;
  pause = FIRST;
  showLive("open", "live");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { done, value } = await reader.read();
    if (done) return text.match(/event: ended\ndata: (.*)\n/)?.[1] ?? null;
    text += value;
  }
}
