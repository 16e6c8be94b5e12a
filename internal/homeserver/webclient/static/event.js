// What an event says, in words.

import { session } from "./api.js";
import { h, name } from "./dom.js";

const said = {
  "m.room.create": () => "made this room",
  "m.room.name": ({ content }) => (content.name ? ["named the room ", h("strong", {}, name(`${content.name}`))] : "took the room's name away"),
  "m.room.topic": ({ content }) => (content.topic ? ["says what the room is about: ", name(`${content.topic}`)] : "took the room's topic away"),
  "m.room.encryption": () => "turned encryption on; what is written from now on cannot be read here",
  "m.room.third_party_invite": ({ content }) => (content.display_name ? ["invited ", name(`${content.display_name}`), ", who gets a message"] : "took an invitation back"),
  "m.room.tombstone": () => "closed this room; people go on in another",
  "m.room.member": member,
};

// happening is what an event that is no message did; null is not told.
export function happening(room, event) {
  const what = said[event.type]?.(event, room);
  return what ? [called(room, event.sender), " ", what, "."] : null;
}

const called = (room, user) => (user === session?.user_id ? "You" : h("strong", {}, name(room.nameOf(user))));

function member({ sender, state_key, content, unsigned }, room) {
  const before = unsigned?.prev_content?.membership ?? "leave";
  const whom = state_key === session?.user_id ? "you" : h("strong", {}, name(room.nameOf(state_key)));
  switch (content.membership) {
    case "join": return before === "join" || sender === room.maker ? null : "joined";
    case "invite": return ["invited ", whom];
    case "ban": return ["banned ", whom];
    case "knock": return "asks to come in";
    case "leave":
      if (sender === state_key) return before === "invite" ? "declined the invitation" : "left";
      return [before === "invite" ? "took back the invitation of " : before === "ban" ? "lets in again " : "removed ", whom];
    default: return null;
  }
}

// message is the text of a message; null is none.
export function message(event) {
  const { type, content, redacted, unsigned } = event;
  if (redacted || unsigned?.redacted_because) return type === "m.room.message" ? aside("This message was deleted.") : null;
  if (type === "m.room.encrypted") return aside("An encrypted message, which this page cannot read.");
  if (type !== "m.room.message" || typeof content.body !== "string") return null;
  switch (content.msgtype) {
    case "m.text": case "m.notice": case "m.emote": return h("p", { dir: "auto" }, content.body);
    default: return [aside("A file or picture, which this page cannot show:"), h("p", { dir: "auto" }, content.body)];
  }
}

const aside = (text) => h("p", { class: "hint" }, text);
