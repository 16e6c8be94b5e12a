// What pages are made of. All text comes in as text: nothing here reads HTML.

import { server } from "./api.js";
import { words } from "./words.js";

// h is an element; attributes that begin with "on" are what happens.
export function h(kind, attributes = {}, ...children) {
  const element = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

// name is a text of somebody's: its direction ends with it.
export const name = (text) => h("bdi", {}, text);

// elsewhere is a link to another site, if that is one of the web.
export function elsewhere(url, text) {
  const safe = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  return safe ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text) : text;
}

// tell says something to those who do not look.
export const tell = (text) => { document.getElementById("status").textContent = text; };

// show is the next page: its first field has the focus, or else its heading.
export function show(title, ...content) {
  const main = document.getElementById("main");
  document.title = `${title} – ${server}`;
  main.replaceChildren(...content);
  scrollTo(0, 0);
  const first = main.querySelector("form :is(input:not([type=checkbox]), textarea)") ?? main.querySelector("h1");
  if (first?.tagName === "H1") first.tabIndex = -1;
  first?.focus({ preventScroll: true });
  tell(title);
}

// card is a page that says something.
export const card = (title, ...content) => show(title, h("section", { class: "card narrow" }, h("h1", {}, title), content));

// go leads to the page of a place, also where that is the one that is shown.
export function go(place) {
  if (location.hash === `#${place}`) dispatchEvent(new Event("hashchange"));
  else location.hash = place;
}

let last = 0;

// field is an input with its label and a hint. Names, addresses and codes run from left to
// right in every language.
function field({ label, hint, type = "text", dir = "ltr", ...rest }) {
  const id = `field-${++last}`;
  const described = hint ? `${id}-hint` : null;
  const input = h("input", { id, type, dir, "aria-describedby": described, ...rest });
  const about = hint && h("p", { class: "hint", id: described }, hint);
  const labelled = h("label", { for: id }, label);
  return type === "checkbox" ? h("div", { class: "choice" }, input, h("div", {}, labelled, about)) : [labelled, about, input];
}

// form is a page that asks for something. submit gets the values of its fields; what it
// throws is said in words, and the form stays.
export function form({ title, lead = [], fields = [], button, submit, others = [] }) {
  const wrong = h("p", { class: "alert", role: "alert", hidden: true });
  const send = h("button", {}, button);
  const asked = h("form", {}, fields.map((f) => (f instanceof Node ? f : field(f))), wrong, send);
  const complain = (failure) => {
    wrong.textContent = failure ? words(failure) : "";
    wrong.hidden = !failure;
  };
  asked.addEventListener("submit", (event) => {
    event.preventDefault();
    once(send, async () => {
      complain(null);
      const boxes = Array.from(asked.querySelectorAll("input[type=checkbox]"), (box) => [box.name, box.checked]);
      await submit({ ...Object.fromEntries(new FormData(asked)), ...Object.fromEntries(boxes) });
    }, complain);
  });
  const page = h("section", { class: "card narrow" }, h("h1", {}, title), lead.map((l) => (l instanceof Node ? l : h("p", {}, l))), asked,
    others.length > 0 && h("p", { class: "others" }, others));
  return { page, complain, show: () => show(title, page) };
}

// button is for what is done at once. What goes wrong is said at the head of its part of the
// page, unless fail says it elsewhere.
export function button(text, action, { quiet = true, fail } = {}) {
  const element = h("button", { type: "button", class: quiet ? "quiet" : null }, text);
  const part = () => element.closest("section") ?? document.getElementById("main");
  const complain = (failure) => {
    const said = h("p", { class: "alert failed", role: "alert" }, words(failure));
    part().prepend(said);
    said.scrollIntoView({ block: "nearest" });
  };
  element.addEventListener("click", () => {
    part().querySelector(":scope > .failed")?.remove();
    once(element, action, fail ?? complain);
  });
  return element;
}

// once does something that a button is for; while that goes on it is not done again. The button
// keeps the focus, which one that is disabled would lose.
async function once(element, action, fail) {
  if (element.hasAttribute("aria-disabled")) return;
  element.setAttribute("aria-disabled", "true");
  try {
    await action();
  } catch (failure) {
    fail(failure);
  }
  element.removeAttribute("aria-disabled");
}
