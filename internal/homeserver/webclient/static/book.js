// What stands in an address book: pasted, a vCard file (RFC 6350) or a table. It is read here,
// and only here.

import { addressOf } from "./address.js";

// contactsIn are the people in a text, each address once: [{ name, medium, address }].
export function contactsIn(text) {
  const found = /^BEGIN:VCARD\s*$/im.test(text) ? cards(text) : lines(text);
  return [...new Map(found.map((contact) => [`${contact.medium} ${contact.address}`, contact])).values()];
}

function cards(text) {
  const contacts = [];
  let card = [];
  let called = "";
  for (const line of text.replace(/\r?\n[ \t]/g, "").split(/\r?\n/)) {
    const [, property, value] = /^(?:[\w-]+\.)?([\w-]+)(?:;(?:"[^"]*"|[^":])*)?:(.*)$/.exec(line) ?? [];
    switch (property?.toUpperCase()) {
      case "FN":
        called = plain(value);
        break;
      case "EMAIL":
      case "TEL":
        card.push(contactOf(plain(value).replace(/^(tel|mailto):/i, "")));
        break;
      case "END":
        contacts.push(...card.filter(Boolean).map((contact) => ({ ...contact, name: called })));
        card = [];
        called = "";
    }
  }
  return contacts;
}

const plain = (value) => value.replace(/\\n/gi, " ").replace(/\\(.)/g, "$1").trim();

// lines are those of a text or a table. What is no address is skipped; the first words of a
// line that has one are who it is.
function lines(text) {
  return text.split(/\r?\n/).flatMap((line) => {
    const cells = line.split(/[,;\t<>]/).map((cell) => cell.trim().replace(/^["']+|["']+$/g, ""));
    const called = cells.find((cell) => cell && !contactOf(cell)) ?? "";
    return cells.map(contactOf).filter(Boolean).map((contact) => ({ ...contact, name: called }));
  });
}

// contactOf is an address as identity servers hash it (identity service API, "Hashing"): case
// folded, a number by its digits alone; null is none.
function contactOf(text) {
  const contact = text.length > 254 ? null : addressOf(text.replace(/^00/, "+").replace("(0)", ""));
  return contact && { ...contact, address: contact.address.toUpperCase().toLowerCase().replaceAll("ς", "σ") };
}
