// What this page knows of rooms, and the loop by which it hears of news (client-server API,
// "Syncing"). Nothing of it is kept when the page goes.

import { client, session } from "./api.js";
import { t } from "./words.js";

// rooms is what is known, by room id.
export const rooms = new Map();

// Room is one of them. state is by type and state key; timeline is what was said, oldest
// first; before is where what came earlier begins, null where nothing did.
class Room {
  state = new Map();
  timeline = [];
  before = null;
  membership = "join";
  unread = 0;
  heroes = [];

  constructor(id) { this.id = id; }

  get(type, key = "") { return this.state.get(`${type} ${key}`)?.content ?? {}; }

  set(event) {
    if (event.state_key !== undefined) this.state.set(`${event.type} ${event.state_key}`, event);
  }

  all(type) { return [...this.state.values()].filter((event) => event.type === type); }

  // nameOf is what a user is called here.
  nameOf(user) {
    const { displayname } = this.get("m.room.member", user);
    return typeof displayname === "string" && displayname.trim() ? displayname : user.slice(1).split(":")[0];
  }

  // name is that of the room, or else of who is in it (client-server API, "Calculating the
  // display name for a room").
  get name() {
    const { name } = this.get("m.room.name");
    if (typeof name === "string" && name.trim()) return name;
    const { others } = this;
    return others.length ? others.slice(0, 4).map((user) => this.nameOf(user)).join(", ") : t("nameless");
  }

  // others are who is known to be here, or invited, besides this person.
  get others() {
    const members = this.all("m.room.member").filter((m) => ["join", "invite"].includes(m.content.membership)).map((m) => m.state_key);
    return [...new Set([...this.heroes, ...members])].filter((user) => user !== session?.user_id);
  }

  get maker() { return this.state.get("m.room.create ")?.sender; }

  get encrypted() { return this.state.has("m.room.encryption "); }

  // direct tells whether this person is invited to talk with nobody else.
  get direct() { return this.get("m.room.member", session?.user_id).is_direct === true; }

  // inviter is who has invited this person.
  get inviter() { return this.state.get(`m.room.member ${session?.user_id}`)?.sender; }
}

const filter = JSON.stringify({
  room: { timeline: { limit: 30 }, state: { lazy_load_members: true }, ephemeral: { types: [] }, account_data: { types: [] } },
  presence: { types: [] }, account_data: { types: [] },
});

// heard tells whether the first answer is there.
export let heard = false;

let stopped = new AbortController();

export function stop() {
  stopped.abort();
  rooms.clear();
  heard = false;
}

// start hears of news until stop. told is called after each answer with the rooms that are
// new in it; lost with what went wrong, and with null when all is well again.
export async function start({ told, lost }) {
  stop();
  stopped = new AbortController();
  const { signal } = stopped;
  let since = "";
  for (let failures = 0; !signal.aborted;) {
    try {
      const query = new URLSearchParams({ filter, timeout: since ? 30000 : 0, ...(since && { since }) });
      const answer = await client("GET", `/sync?${query}`, undefined, signal);
      if (signal.aborted) return;
      const first = !heard;
      heard = true;
      since = answer.next_batch;
      if (failures) lost(null);
      failures = 0;
      const changed = take(answer.rooms ?? {});
      if (first || changed.size) told(changed);
    } catch (failure) {
      if (signal.aborted || !session) return;
      lost(failure);
      await pause(failure.body?.retry_after_ms ?? Math.min(1000 * 2 ** failures++, 30000));
    }
  }
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

function take({ join = {}, invite = {}, leave = {} }) {
  const changed = new Set();
  for (const [id, news] of Object.entries(join)) {
    takeJoined(roomAs(id, "join"), news);
    changed.add(id);
  }
  for (const [id, news] of Object.entries(invite)) {
    const room = roomAs(id, "invite");
    news.invite_state?.events?.forEach((event) => room.set(event));
    changed.add(id);
  }
  for (const id of Object.keys(leave)) {
    if (rooms.delete(id)) changed.add(id);
  }
  return changed;
}

// roomAs is a room in which this person is now; what an invitation told of it is no longer
// needed once they are in.
function roomAs(id, membership) {
  if (rooms.get(id)?.membership !== membership) {
    rooms.set(id, new Room(id));
    rooms.get(id).membership = membership;
  }
  return rooms.get(id);
}

function takeJoined(room, { state, timeline, summary, unread_notifications }) {
  state?.events?.forEach((event) => room.set(event));
  if (timeline) {
    if (timeline.limited || !room.timeline.length) {
      room.timeline = [];
      room.before = timeline.prev_batch ?? null;
      room.began = {}; // anew: what is shown of it is no more the end of what was
    }
    for (const event of timeline.events ?? []) {
      room.set(event);
      if (event.type === "m.room.redaction") redact(room, event);
      room.timeline.push(event);
    }
  }
  if (summary?.["m.heroes"]) room.heroes = summary["m.heroes"];
  if (unread_notifications) room.unread = unread_notifications.notification_count ?? 0;
}

function redact(room, { redacts, content }) {
  const event = room.timeline.find((e) => e.event_id === (redacts ?? content?.redacts));
  if (event) Object.assign(event, { content: {}, redacted: true });
}

// earlier reads what was said before, into the room. It resolves with how much that is.
export async function earlier(room) {
  const query = new URLSearchParams({ dir: "b", from: room.before, limit: 50, filter: JSON.stringify({ lazy_load_members: true }) });
  const { began } = room;
  const { chunk, end, state = [] } = await client("GET", `/rooms/${encodeURIComponent(room.id)}/messages?${query}`);
  if (room.began !== began) return 0; // what is shown has begun anew
  for (const event of state) {
    if (!room.state.has(`${event.type} ${event.state_key}`)) room.set(event);
  }
  room.timeline.unshift(...chunk.reverse());
  room.before = end ?? null;
  return chunk.length;
}
