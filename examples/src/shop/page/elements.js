"use strict";

// Finds and creates elements of the page.

const find = (id) => document.getElementById(id);

// Creates an element. The children are elements, text, or arrays of them. Text is never markup
// (cross-site scripting). Children that are null are left out.
function element(name, properties = {}, ...children) {
  const { data, ...others } = properties;
  const created = Object.assign(document.createElement(name), others);
  Object.assign(created.dataset, data);
  created.append(...children.flat(Infinity).filter((child) => child != null));
  return created;
}

// Creates a button that calls a function.
function button(text, className, action) {
  const created = element("button", { type: "button", className }, text);
  created.addEventListener("click", action);
  return created;
}

// Disables buttons while an action runs. The one that had the focus gets it back.
async function busy(buttons, action) {
  const focused = document.activeElement;
  for (const button of buttons) button.disabled = true;
  try {
    await action();
  } finally {
    for (const button of buttons) button.disabled = false;
    if (!hasFocus() && buttons.includes(focused)) focused.focus();
  }
}

// Returns whether a visible element has the focus. An element that is hidden, disabled or removed loses it.
function hasFocus() {
  const focused = document.activeElement;
  return focused !== null && focused !== document.body && focused.checkVisibility();
}

// Returns a duration as people read it.
function time(millis) {
  if (millis < 1) return `${Math.max(1, Math.round(millis * 1000))} µs`;
  return millis < 100 ? `${millis.toFixed(1)} ms` : `${Math.round(millis)} ms`;
}

function bytes(count) {
  return `${count.toLocaleString("en")} B`;
}

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function statusCode(status) {
  return element("span", { className: "status-code", data: { class: Math.floor(status / 100) } }, String(status));
}
