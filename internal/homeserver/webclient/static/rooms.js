// The rooms, and what is said in them.

import { addressOf, userID } from "./address.js";
import { client, identityAccess, identityServer, secret, session } from "./api.js";
import { agree } from "./account.js";
import { keepDirect } from "./direct.js";
import { button, form, go, h, name, show, tell } from "./dom.js";
import { happening, message } from "./event.js";
import { checking } from "./keys.js";
import { earlier, heard, rooms } from "./sync.js";
import { Plain, t, when, words } from "./words.js";

const path = (id) => `/rooms/${encodeURIComponent(id)}`;
const place = (id, rest = "") => `#/room/${encodeURIComponent(id)}${rest}`;

// overview is the list of rooms beside the one that is open; null is none.
export function overview(open) {
  const wrong = h("p", { class: "alert", role: "alert", hidden: true });
  const invitations = h("section", { "aria-label": t("invitations"), class: "invitations" });
  const list = h("ul", { class: "list" });
  const side = h("nav", { class: "side", "aria-labelledby": "rooms" },
    h("div", { class: "head" }, h("h2", { id: "rooms" }, t("rooms")), h("a", { class: "button quiet", href: "#/new" }, t("new-room"))), wrong, invitations, list);
  let drawn;
  const draw = () => {
    const all = [...rooms.values()];
    const facts = JSON.stringify([heard, ...all.map((r) => [r.id, r.membership, r.name, r.unread, r.timeline.at(-1)?.event_id])]);
    if (facts === drawn) return; // what has the focus keeps it
    drawn = facts;
    const focused = document.activeElement?.getAttribute("href");
    invitations.replaceChildren(...all.filter((r) => r.membership === "invite").map((r) => invitation(r, wrong)));
    const joined = all.filter((r) => r.membership === "join").sort((a, b) => (b.timeline.at(-1)?.origin_server_ts ?? 0) - (a.timeline.at(-1)?.origin_server_ts ?? 0));
    list.replaceChildren(...(joined.length ? joined.map((r) => h("li", {}, entry(r, r.id === open))) : [h("li", { class: "hint" }, heard ? t("no-room") : t("moment"))]));
    if (focused) list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  };
  draw();
  return { side, draw };
}

const entry = (room, current) => h("a", { href: place(room.id), "aria-current": current ? "page" : null },
  name(room.name), room.unread > 0 && !current && h("span", { class: "count" }, h("span", { "aria-hidden": "true" }, room.unread), h("span", { class: "unseen" }, " ", t("unread", { count: room.unread }))));

function invitation(room, wrong) {
  const by = room.inviter;
  const fail = (failure) => {
    wrong.textContent = words(failure);
    wrong.hidden = false;
  };
  return h("article", { class: "card" },
    h("p", {}, t("invites-you", { who: h("strong", {}, name(by ? room.nameOf(by) : t("somebody"))), room: h("strong", {}, name(room.name)) })),
    by && h("p", { class: "hint" }, name(by)),
    h("div", { class: "buttons" },
      button(t("accept"), async () => {
        await client("POST", `${path(room.id)}/join`, {});
        if (by && room.direct) await keepDirect(by, room.id);
        go(place(room.id).slice(1));
      }, { quiet: false, fail }),
      button(t("decline"), () => client("POST", `${path(room.id)}/leave`, {}), { fail })));
}

// home is the list alone, and what to do first.
export function home() {
  const { side, draw } = overview(null);
  show(t("rooms"), h("div", { class: "rooms" }, side,
    h("section", { class: "empty" }, h("h1", {}, t("hello", { user: name(session.user_id) })),
      h("p", {}, t("home-lead")), h("a", { class: "button", href: "#/new" }, t("make-room")),
      identityServer && h("p", {}, h("a", { href: "#/contacts" }, t("contacts-title"))))));
  return draw;
}

export function newRoom() {
  form({
    title: t("new-room-title"),
    lead: [t("new-room-lead")],
    fields: [{ name: "name", label: t("room-name"), dir: "auto", maxlength: 100, required: true, autocomplete: "off" }],
    button: t("make-room"),
    async submit({ name: text }) {
      if (!text.trim()) throw new Plain("room-without-name");
      const { room_id } = await client("POST", "/createRoom", { name: text.trim(), preset: "private_chat" });
      location.hash = place(room_id, "/invite");
    },
    others: [h("a", { href: "#/" }, t("back"))],
  }).show();
}

export function invite(id) {
  const asked = form({
    title: t("invite-title"),
    lead: [t("invite-lead")],
    fields: [{
      name: "whom", label: t("invitee"), autocomplete: "off", autocapitalize: "none", spellcheck: "false", required: true,
      hint: t("invitee-hint"),
    }],
    button: t("invite"),
    async submit({ whom }) {
      await client("POST", `${path(id)}/invite`, await invitee(whom.trim(), asked));
      location.hash = place(id);
      tell(t("invited", { whom }));
    },
    others: [h("a", { href: place(id) }, t("to-room"))],
  });
  asked.show();
}

// invitee is how a request names who is meant.
async function invitee(whom, asked) {
  if (userID.test(whom)) return { user_id: whom };
  const address = addressOf(whom);
  if (!address) throw new Plain("not-invitee");
  if (!identityServer) throw new Plain("only-id");
  if (await agree()) asked.show();
  return { ...address, id_server: new URL(identityServer).host, id_access_token: await identityAccess() };
}

// open shows a room, and resolves with what to do when there is news of it.
export function open(id) {
  const room = rooms.get(id);
  if (room?.membership !== "join") return waiting(id);
  const { side, draw } = overview(id);
  const title = h("h1", {});
  const more = button(t("earlier"), async () => { await earlier(room); redraw(); });
  const log = h("ol", { class: "log", role: "log", "aria-label": t("messages"), tabindex: 0 });
  const { write, pending } = composer(room, () => redraw());
  const other = identityServer && room.others.length === 1 ? checking(room.others[0]) : {};
  show(room.name, h("div", { class: "rooms open" }, side, h("section", { class: "room" },
    h("div", { class: "head" }, h("a", { class: "back", href: "#/" }, t("all-rooms")), title,
      h("a", { class: "button quiet", href: place(id, "/invite") }, t("invite")), other.ask,
      button(t("leave"), async () => { await client("POST", `${path(id)}/leave`, {}); location.hash = "#/"; })),
    other.line, h("div", { class: "earlier" }, more), log, write)));
  write.querySelector("input")?.focus();
  let read;
  const redraw = () => {
    draw();
    if (rooms.get(id) !== room) return "again";
    title.replaceChildren(name(room.name));
    more.hidden = !room.before || room.timeline[0]?.type === "m.room.create";
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    fill(log, room, pending);
    if (atEnd) log.scrollTop = log.scrollHeight;
    const last = room.timeline.at(-1)?.event_id;
    if (last && last !== read && !document.hidden) {
      read = last;
      client("POST", `${path(id)}/receipt/m.read/${encodeURIComponent(last)}`, {}).catch(() => { read = null; });
    }
  };
  redraw();
  return redraw;
}

// waiting is for a room that is not here, or not yet.
function waiting(id) {
  const { side, draw } = overview(id);
  const hint = h("p", {}, t("waiting"));
  show(t("moment"), h("div", { class: "rooms" }, side, h("section", { class: "empty" }, h("h1", {}, t("moment")), hint)));
  return () => (rooms.get(id)?.membership === "join" ? "again" : draw());
}

// fill has the log show what was said: what is there stays, so that only what is new is read
// aloud.
function fill(log, room, pending) {
  const there = new Map([...log.children].map((item) => [item.dataset.id, item]));
  const items = [];
  let before;
  for (const event of room.timeline) {
    const current = there.get(keyOf(event)) ?? item(room, event, before);
    if (!current) continue;
    items.push(current);
    before = event;
  }
  items.push(...pending());
  if (items.length === log.children.length && items.every((node, at) => node === log.children[at])) return;
  const keep = new Set(items);
  for (const node of [...log.children]) if (!keep.has(node)) node.remove();
  items.forEach((node, at) => { if (log.children[at] !== node) log.insertBefore(node, log.children[at] ?? null); });
}

// keyOf changes with what is shown of an event.
const keyOf = ({ event_id, redacted }) => event_id + (redacted ? " redacted" : "");

// item is what a log shows of an event. Who goes on speaking is not named again.
function item(room, event, before) {
  const text = message(event);
  if (!text) {
    const what = happening(room, event);
    return what && h("li", { class: "happening", "data-id": keyOf(event) }, what);
  }
  const own = event.sender === session.user_id;
  const goesOn = before && message(before) && before.sender === event.sender && event.origin_server_ts - before.origin_server_ts < 300000;
  return h("li", { class: own ? "own" : null, "data-id": keyOf(event) },
    h("p", { class: goesOn ? "unseen" : "by" }, h("strong", {}, name(own ? t("you") : room.nameOf(event.sender))), " ", !own && name(event.sender), " ", time(event.origin_server_ts)),
    h("div", { class: "text" }, text));
}

function time(ms) {
  const at = new Date(ms);
  const today = at.toDateString() === new Date().toDateString();
  return h("time", { datetime: at.toISOString() }, when(at, !today));
}

// composer is where messages are written. Those on their way are shown until the server
// tells of them; one that it did not take can be sent again.
function composer(room, changed) {
  const sent = new Map();
  const pending = () => {
    for (const event of room.timeline) sent.delete(event.unsigned?.transaction_id);
    return [...sent.values()].map(({ node }) => node);
  };
  if (room.encrypted) return { pending, write: h("p", { class: "notice" }, t("encrypted-room")) };
  const send = async (txn) => {
    const { body, state, retry } = sent.get(txn);
    state.textContent = t("sending");
    retry.hidden = true;
    try {
      await client("PUT", `${path(room.id)}/send/m.room.message/${txn}`, { msgtype: "m.text", body });
      state.textContent = "";
    } catch (failure) {
      state.textContent = t("not-sent", { why: words(failure) });
      retry.hidden = false;
      tell(state.textContent);
    }
  };
  const add = (body) => {
    const txn = secret();
    const state = h("span", { class: "hint" });
    const retry = button(t("send-again"), () => send(txn));
    const node = h("li", { class: "own", "data-id": txn }, h("div", { class: "text" }, h("p", { dir: "auto" }, body)), h("p", { class: "by" }, state, retry));
    sent.set(txn, { body, state, retry, node });
    changed();
    send(txn);
  };
  const input = h("input", { "aria-label": t("message-to", { room: room.name }), placeholder: t("write"), autocomplete: "off", dir: "auto", enterkeyhint: "send" });
  const write = h("form", { class: "write" }, input, h("button", {}, t("send")));
  write.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    add(input.value);
    input.value = "";
  });
  return { pending, write: h("div", {}, write, h("p", { class: "hint" }, t("not-encrypted"))) };
}
