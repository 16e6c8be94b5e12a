// Which of somebody's contacts are here. The addresses do not leave this page: the identity
// server is asked by their hashes, with the person's own token, and the homeserver not at all.

import { readable } from "./address.js";
import { agree } from "./account.js";
import { client, identity } from "./api.js";
import { contactsIn } from "./book.js";
import { button, form, go, h, name, show, tell } from "./dom.js";
import { Plain, words } from "./words.js";

// How many addresses are looked up at most, and the longest text that is read.
const most = 5000;
const longest = 8 << 20;

export function contacts() {
  const paste = h("textarea", { id: "pasted", name: "pasted", rows: 6, autocomplete: "off", spellcheck: "false", "aria-describedby": "pasted-hint" });
  const file = h("input", { id: "file", type: "file", accept: ".vcf,.csv,.txt,text/vcard,text/csv,text/plain" });
  const asked = form({
    title: "Who of my contacts is here?",
    lead: ["People are found who have chosen to be. No address and no file is sent anywhere: this page asks the identity server by hashes of the addresses."],
    fields: [
      h("label", { for: "pasted" }, "E-mail addresses and phone numbers"),
      h("p", { class: "hint", id: "pasted-hint" }, "One a line, phone numbers with + and the country code."),
      paste,
      h("label", { for: "file" }, "Or a file of your address book (vCard or CSV)"),
      file,
    ],
    button: "Look",
    async submit() {
      const people = contactsIn([paste.value, ...await Promise.all([...file.files].map(read))].join("\n"));
      if (people.length === 0) throw new Plain("There is no e-mail address and no phone number with + and the country code in it.");
      if (people.length > most) throw new Plain(`These are ${people.length} addresses. At most ${most} can be looked up at once.`);
      if (await agree()) asked.show();
      list(people, await lookUp(people));
    },
    others: [h("a", { href: "#/" }, "Back")],
  });
  asked.show();
}

function read(file) {
  if (file.size > longest) throw new Plain("This file is too large.");
  return file.text();
}

// lookUp are those who are here, by the addresses' places in the list (identity service API,
// "Performing lookups"). A pepper that has just changed is asked for once more.
async function lookUp(people, again = true) {
  const { algorithms = [], lookup_pepper: pepper } = await identity("GET", "/hash_details");
  if (!algorithms.includes("sha256")) throw new Plain("This identity server takes no hashes, and is told no addresses.");
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
  if (!crypto.subtle) throw new Plain("A browser makes hashes only on a page that came by https.");
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return btoa(String.fromCharCode(...sum)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function list(people, { users, left }) {
  const here = people.map((person, i) => ({ ...person, user: users[i] })).filter(({ user }) => user);
  const title = here.length === 1 ? "One of them is here" : `${here.length || "None"} of them are here`;
  const wrong = h("p", { class: "alert", role: "alert", hidden: true });
  const fail = (failure) => {
    wrong.textContent = words(failure);
    wrong.hidden = false;
  };
  show(title, h("section", { class: "card narrow" }, h("h1", {}, title),
    h("p", {}, `You looked for ${people.length} ${people.length === 1 ? "address" : "addresses"}.`),
    left > 0 && h("p", { class: "hint" }, `${left} of them were left out: the identity server answers only so many in a day.`),
    wrong,
    h("ul", { class: "plain" }, here.map((person) => h("li", {},
      h("span", {}, h("strong", {}, name(person.name || readable(person))), " ", name(person.user)), " ",
      button("Talk", () => talk(person), { quiet: false, fail })))),
    h("p", { class: "others" }, button("Look for others", () => go("/contacts")), h("a", { href: "#/" }, "To your rooms"))));
}

// talk makes a room of two.
async function talk({ user }) {
  const { room_id } = await client("POST", "/createRoom", { preset: "trusted_private_chat", is_direct: true, invite: [user] });
  location.hash = `#/room/${encodeURIComponent(room_id)}`;
  tell(`${user} is invited.`);
}
