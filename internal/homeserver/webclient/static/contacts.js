// Which of somebody's contacts are here. The addresses do not leave this page: the identity
// server is asked by their hashes, with the person's own token, and the homeserver not at all.

import { readable } from "./address.js";
import { agree } from "./account.js";
import { identity } from "./api.js";
import { contactsIn } from "./book.js";
import { talk } from "./direct.js";
import { button, form, go, h, name, show, tell } from "./dom.js";
import { Plain, t, words } from "./words.js";

// How many addresses are looked up at most, and the longest text that is read.
const most = 5000;
const longest = 8 << 20;

export function contacts() {
  const paste = h("textarea", { id: "pasted", name: "pasted", rows: 6, dir: "auto", autocomplete: "off", spellcheck: "false", "aria-describedby": "pasted-hint" });
  const file = h("input", { id: "file", type: "file", accept: ".vcf,.csv,.txt,text/vcard,text/csv,text/plain" });
  const asked = form({
    title: t("contacts-title"),
    lead: [t("contacts-lead")],
    fields: [
      h("label", { for: "pasted" }, t("contacts-paste")),
      h("p", { class: "hint", id: "pasted-hint" }, t("contacts-paste-hint")),
      paste,
      h("label", { for: "file" }, t("contacts-file")),
      file,
    ],
    button: t("look"),
    async submit() {
      const people = contactsIn([paste.value, ...await Promise.all([...file.files].map(read))].join("\n"));
      if (people.length === 0) throw new Plain("contacts-none");
      if (people.length > most) throw new Plain("contacts-many", { most });
      if (await agree()) asked.show();
      list(people, await lookUp(people));
    },
    others: [h("a", { href: "#/" }, t("back"))],
  });
  asked.show();
}

function read(file) {
  if (file.size > longest) throw new Plain("file-large");
  return file.text();
}

// lookUp are those who are here, by the addresses' places in the list (identity service API,
// "Performing lookups"). A pepper that has just changed is asked for once more.
async function lookUp(people, again = true) {
  const { algorithms = [], lookup_pepper: pepper } = await identity("GET", "/hash_details");
  if (!algorithms.includes("sha256")) throw new Plain("no-hashes");
  const addresses = await Promise.all(people.map(({ medium, address }) => hash(`${address} ${medium} ${pepper}`)));
  try {
    const answer = await identity("POST", "/lookup", { algorithm: "sha256", pepper, addresses });
    const users = addresses.map((hashed) => (Object.hasOwn(answer.mappings, hashed) ? answer.mappings[hashed] : null));
    return { users, left: answer["im.signet.truncated"] ?? 0 };
  } catch (failure) {
    if (again && failure.errcode === "M_INVALID_PEPPER") return lookUp(people, false);
    throw failure;
  }
}

// hash is SHA-256 in URL-safe base64 without padding.
async function hash(text) {
  if (!crypto.subtle) throw new Plain("no-https");
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return btoa(String.fromCharCode(...sum)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function list(people, { users, left }) {
  const here = people.map((person, i) => ({ ...person, user: users[i] })).filter(({ user }) => user);
  const title = here.length ? t("here", { count: here.length }) : t("here-none");
  const wrong = h("p", { class: "alert", role: "alert", hidden: true });
  const fail = (failure) => {
    wrong.textContent = words(failure);
    wrong.hidden = false;
  };
  show(title, h("section", { class: "card narrow" }, h("h1", {}, title),
    h("p", {}, t("looked", { count: people.length })),
    left > 0 && h("p", { class: "hint" }, t("left-out", { count: left })),
    wrong,
    h("ul", { class: "plain" }, here.map((person) => h("li", {},
      h("span", {}, h("strong", {}, name(person.name || readable(person))), " ", name(person.user)), " ",
      button(t("talk"), () => open(person), { quiet: false, fail })))),
    h("p", { class: "others" }, button(t("look-others"), () => go("/contacts")), h("a", { href: "#/" }, t("to-rooms")))));
}

// open leads to the room of two with somebody.
async function open({ user }) {
  const { id, fresh } = await talk(user);
  location.hash = `#/room/${encodeURIComponent(id)}`;
  if (fresh) tell(t("invited", { whom: user }));
}
