// Alice and Bob talk in an encrypted room, by matrix-js-sdk and its Rust crypto.
//
// Usage: jssdk_story.mjs HOMESERVER
import "./loopback.mjs"; // before all that may call somebody
import { ClientEvent, createClient, MatrixEventEvent } from "matrix-js-sdk";

const password = "a password for the tests";

// Person is a user at one device.
class Person {
    constructor(name) {
        this.name = name;
    }

    // start registers, logs in, syncs from then on, and gives the user an identity that
    // signs the device; the first one needs no password.
    async start(homeserver) {
        const newcomer = createClient({ baseUrl: homeserver });
        const auth = { type: "m.login.dummy" };
        await newcomer.registerRequest({ username: this.name, password, auth, inhibit_login: true });
        const login = await newcomer.loginRequest({
            type: "m.login.password",
            identifier: { type: "m.id.user", user: this.name },
            password,
        });
        this.id = login.user_id;
        this.client = createClient({
            baseUrl: homeserver,
            userId: login.user_id,
            deviceId: login.device_id,
            accessToken: login.access_token,
        });
        await this.client.initRustCrypto({ useIndexedDB: false });
        await this.client.startClient();
        await this.sees(() => this.client.isInitialSyncComplete());
        const crypto = this.client.getCrypto();
        await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (upload) => upload(null) });
        if (!(await crypto.isCrossSigningReady())) throw new Error(`${this.name} has no identity`);
    }

    // sees waits until there is something to see, and returns it.
    async sees(what) {
        for (;;) {
            const seen = what();
            if (seen) return seen;
            await new Promise((changed) => {
                this.client.once(ClientEvent.Sync, changed);
                this.client.once(MatrixEventEvent.Decrypted, changed);
            });
        }
    }

    membership(roomId, who) {
        return this.client.getRoom(roomId)?.getMember(who.id)?.membership;
    }

    // hears waits for a message that somebody has encrypted, and returns its event.
    hears(roomId, who, text) {
        const is = (event) => event.isEncrypted() && event.getSender() === who.id && event.getContent().body === text;
        return this.sees(() => this.client.getRoom(roomId).getLiveTimeline().getEvents().find(is));
    }
}

async function story(homeserver) {
    const [alice, bob] = [new Person("alice"), new Person("bob")];
    await Promise.all([alice.start(homeserver), bob.start(homeserver)]);
    console.log("both are logged in");

    const { room_id: room } = await alice.client.createRoom({
        preset: "private_chat",
        invite: [bob.id],
        initial_state: [
            { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } },
        ],
    });
    await bob.sees(() => bob.membership(room, bob) === "invite");
    await bob.client.joinRoom(room);
    await Promise.all([alice, bob].map((who) => who.sees(() => who.membership(room, bob) === "join")));
    console.log("both are in the room");

    await alice.client.sendTyping(room, true, 120_000);
    await bob.sees(() => bob.client.getRoom(room).getMember(alice.id).typing);
    await alice.client.sendTextMessage(room, "Can you read this?");
    const asked = await bob.hears(room, alice, "Can you read this?");
    await bob.client.sendReadReceipt(asked);
    await alice.sees(() => alice.client.getRoom(room).hasUserReadEvent(bob.id, asked.getId()));
    await bob.client.sendTextMessage(room, "Every word.");
    await alice.hears(room, bob, "Every word.");
    console.log("both have read each other");
}

await story(process.argv[2]);
process.exit(0); // the clients would go on
