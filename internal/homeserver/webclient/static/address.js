// What people type to say who is meant.

import { Plain } from "./words.js";

// addressOf reads an e-mail address or an international phone number; null is neither.
export function addressOf(text) {
  const typed = text.trim();
  const digits = typed.replace(/[\s().\/-]/g, "");
  if (/^\+\d{5,15}$/.test(digits)) return { medium: "msisdn", address: digits.slice(1) };
  return /^[^@\s]+@[^@\s]+$/.test(typed) ? { medium: "email", address: typed } : null;
}

export const userID = /^@[^:\s]+:[^\s]+$/;

// identifierOf is whom somebody says they are at a login (client-server API, "Identifier
// types").
export function identifierOf(text) {
  const typed = text.trim();
  const address = userID.test(typed) ? null : addressOf(typed);
  if (address) return { type: "m.id.thirdparty", ...address };
  if (/^0[\d\s().\/-]{5,}$/.test(typed)) throw new Plain("phone-start");
  return { type: "m.id.user", user: typed };
}

// readable is an address as people write it.
export const readable = ({ medium, address }) => (medium === "msisdn" ? `+${address}` : address);
