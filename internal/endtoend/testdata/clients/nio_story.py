"""Alice and Bob talk in an encrypted room, by matrix-nio.

Usage: nio_story.py HOMESERVER, in a folder for what the clients remember.
"""

import asyncio
import sys

import loopback  # noqa: F401, before all that may call somebody
from nio import (
    AsyncClient,
    AsyncClientConfig,
    EnableEncryptionBuilder,
    ErrorResponse,
    InviteMemberEvent,
    MegolmEvent,
    ReceiptEvent,
    RoomMessageText,
    TypingNoticeEvent,
)

PASSWORD = "a password for the tests"


class Person:
    """A user at one device, and what it has shown and not been asked for yet."""

    def __init__(self, homeserver, name):
        config = AsyncClientConfig(max_limit_exceeded=0, max_timeouts=0)
        self.client = AsyncClient(homeserver, name, store_path=".", config=config)
        self.name = name
        self.seen = asyncio.Queue()
        self.client.add_event_callback(self.see, (InviteMemberEvent, RoomMessageText, MegolmEvent))
        self.client.add_ephemeral_callback(self.see, (TypingNoticeEvent, ReceiptEvent))

    async def see(self, room, event):
        await self.seen.put((room, event))

    async def start(self):
        """Registers, logs in at a device, and syncs from then on."""
        newcomer = AsyncClient(self.client.homeserver, self.name)
        await done(newcomer.register(self.name, PASSWORD))
        await newcomer.close()
        await done(self.client.login(PASSWORD, device_name="the test's"))
        self.syncing = asyncio.create_task(self.client.sync_forever(timeout=10_000, full_state=True))
        await self.client.synced.wait()

    async def sees(self, kind, wanted=lambda event: True):
        """Waits for an event of a kind, and returns its room and itself."""
        while True:
            room, event = await self.seen.get()
            if isinstance(event, MegolmEvent):
                raise SystemExit(f"{self.name} cannot decrypt {event}")
            if isinstance(event, kind) and wanted(event):
                return room, event

    async def knows(self, room_id, member):
        """Waits until the client knows a room and that somebody is in it."""
        while room_id not in self.client.rooms or member not in self.client.rooms[room_id].users:
            await self.client.synced.wait()

    async def says(self, room_id, text):
        content = {"msgtype": "m.text", "body": text}
        # Nobody has compared keys here.
        sent = await done(self.client.room_send(room_id, "m.room.message", content, ignore_unverified_devices=True))
        return sent.event_id

    async def hears(self, other, text):
        """Waits for a message, which the other has encrypted."""
        await self.sees(RoomMessageText, lambda m: m.decrypted and (m.sender, m.body) == (other.client.user_id, text))

    async def stop(self):
        self.syncing.cancel()
        await self.client.close()


async def done(call):
    """Waits for the answer to a request, which must be no error."""
    response = await call
    if isinstance(response, ErrorResponse):
        raise SystemExit(f"{response}")
    return response


def has_read(receipts, reader, event_id):
    return any((r.user_id, r.event_id) == (reader.client.user_id, event_id) for r in receipts.receipts)


async def story(homeserver):
    alice, bob = Person(homeserver, "alice"), Person(homeserver, "bob")
    await asyncio.gather(alice.start(), bob.start())
    print("both are logged in")

    encryption = EnableEncryptionBuilder().as_dict()
    created = await done(alice.client.room_create(invite=[bob.client.user_id], initial_state=[encryption]))
    room, _ = await bob.sees(InviteMemberEvent)
    if room.room_id != created.room_id:
        raise SystemExit(f"bob is invited to {room.room_id}, not to {created.room_id}")
    await done(bob.client.join(room.room_id))
    await alice.knows(room.room_id, bob.client.user_id)
    print("both are in the room")

    await done(alice.client.room_typing(room.room_id, timeout=120_000))
    await bob.sees(TypingNoticeEvent, lambda typing: typing.users == [alice.client.user_id])
    asked = await alice.says(room.room_id, "Can you read this?")
    await bob.hears(alice, "Can you read this?")
    await done(bob.client.update_receipt_marker(room.room_id, asked))
    await alice.sees(ReceiptEvent, lambda event: has_read(event, bob, asked))
    await bob.says(room.room_id, "Every word.")
    await alice.hears(bob, "Every word.")
    print("both have read each other")

    await asyncio.gather(alice.stop(), bob.stop())


asyncio.run(asyncio.wait_for(story(sys.argv[1]), timeout=300))
