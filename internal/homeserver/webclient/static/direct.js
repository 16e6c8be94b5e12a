// Rooms of two: which they are, and with whom, says the account data m.direct (client-server
// API, "Direct Messaging"), which other clients read and write too.

import { client, session } from "./api.js";
import { rooms } from "./sync.js";

const place = () => `/user/${encodeURIComponent(session.user_id)}/account_data/m.direct`;

async function read() {
  const kept = await client("GET", place()).catch((failure) => {
    if (failure.status !== 404) throw failure;
    return {};
  });
  return { all: kept, of: (user) => (Object.hasOwn(kept, user) && Array.isArray(kept[user]) ? kept[user] : []) };
}

// directWith is a room of this person's with somebody who is in it, or is to be; null is none.
export async function directWith(user) {
  for (const id of (await read()).of(user)) {
    if (rooms.get(id)?.membership !== "join") continue;
    const { membership } = await client("GET", `/rooms/${encodeURIComponent(id)}/state/m.room.member/${encodeURIComponent(user)}`).catch(() => ({}));
    if (membership === "join" || membership === "invite") return id;
  }
  return null;
}

// keepDirect says that a room is one with somebody.
export async function keepDirect(user, id) {
  const { all, of } = await read();
  if (!of(user).includes(id)) await client("PUT", place(), { ...all, [user]: [...of(user), id] });
}

// made is what this page has made and perhaps not kept, so that nothing is made twice.
const made = new Map();

// talk resolves with the room of two with somebody, and whether it is new.
export async function talk(user) {
  const known = await directWith(user);
  if (known) return { id: known };
  if (!made.has(user)) {
    const { room_id } = await client("POST", "/createRoom", { preset: "trusted_private_chat", is_direct: true, invite: [user] });
    made.set(user, room_id);
  }
  const id = made.get(user);
  await keepDirect(user, id);
  made.delete(user);
  return { id, fresh: true };
}
