// What an event says, in words.

import { h, name } from "./dom.js";
import { t } from "./words.js";

// told are the keys of what is told of events, and what is named in it.
const told = {
  "m.room.create": () => ["did-create"],
  "m.room.name": ({ content }) => (content.name ? ["did-name", { name: strong(content.name) }] : ["did-unname"]),
  "m.room.topic": ({ content }) => (content.topic ? ["did-topic", { topic: name(`${content.topic}`) }] : ["did-untopic"]),
  "m.room.encryption": () => ["did-encrypt"],
  "m.room.third_party_invite": ({ content }) => (content.display_name ? ["did-invite-address", { whom: name(`${content.display_name}`) }] : ["did-uninvite-address"]),
  "m.room.tombstone": () => ["did-close"],
  "m.room.member": member,
};

const strong = (text) => h("strong", {}, name(`${text}`));

// happening is what an event that is no message did; null is not told.
export function happening(room, event) {
  const [key, values] = told[event.type]?.(event, room) ?? [];
  return key ? t(key, { who: strong(room.nameOf(event.sender)), ...values }) : null;
}

function member({ sender, state_key, content, unsigned }, room) {
  const before = unsigned?.prev_content?.membership ?? "leave";
  const whom = strong(room.nameOf(state_key));
  switch (content.membership) {
    case "join": return before === "join" || sender === room.maker ? null : ["did-join", { who: whom }];
    case "invite": return ["did-invite", { whom }];
    case "ban": return ["did-ban", { whom }];
    case "knock": return ["did-knock"];
    case "leave":
      if (sender === state_key) return [before === "invite" ? "did-decline" : "did-leave"];
      return [before === "invite" ? "did-uninvite" : before === "ban" ? "did-unban" : "did-remove", { whom }];
    default: return null;
  }
}

// message is the text of a message; null is none.
export function message(event) {
  const { type, content, redacted, unsigned } = event;
  if (redacted || unsigned?.redacted_because) return type === "m.room.message" ? aside(t("deleted")) : null;
  if (type === "m.room.encrypted") return aside(t("encrypted-message"));
  if (type !== "m.room.message" || typeof content.body !== "string") return null;
  switch (content.msgtype) {
    case "m.text": case "m.notice": case "m.emote": return h("p", { dir: "auto" }, content.body);
    default: return [aside(t("file-message")), h("p", { dir: "auto" }, content.body)];
  }
}

const aside = (text) => h("p", { class: "hint" }, text);
