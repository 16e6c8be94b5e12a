// Alice adds an address to her account, has Bob find her by it, and takes all of it back, by
// matrix-js-sdk.
//
// Usage: jssdk_address.mjs HOMESERVER IDENTITY_SERVER
import "./loopback.mjs"; // before all that may call somebody
import { createClient } from "matrix-js-sdk";
import { failure, is } from "./check.mjs";
import { Mailbox } from "./person.mjs";

const [homeserver, idServer] = process.argv.slice(2);
const mailbox = new Mailbox(idServer);
const password = "a password for the tests";
const address = "alice@example.org";

// Person is a user at one device, who is known to the identity server.
class Person {
    constructor(name) {
        this.name = name;
    }

    async start() {
        const newcomer = createClient({ baseUrl: homeserver });
        const auth = { type: "m.login.dummy" };
        const login = await newcomer.registerRequest({ username: this.name, password, auth });
        this.id = login.user_id;
        this.auth = { type: "m.login.password", password, identifier: { type: "m.id.user", user: this.id } };
        this.client = createClient({ baseUrl: homeserver, idBaseUrl: idServer, userId: login.user_id, accessToken: login.access_token });
        const { token } = await this.client.registerWithIdentityServer(await this.client.getOpenIdToken());
        this.idToken = token;
    }

    async finds() {
        return (await this.client.lookupThreePid("email", address, this.idToken)).mxid;
    }
}

const alice = new Person("alice");
const bob = new Person("bob");
await alice.start();
await bob.start();

const adding = alice.client.generateClientSecret();
const asked = await alice.client.requestAdd3pidEmailToken(address, adding, 1);
const session = { sid: asked.sid, client_secret: adding };
is("too early", (await failure("adding too early", alice.client.addThreePidOnly(session))).errcode, "M_THREEPID_AUTH_FAILED");
is("the code", await alice.client.submitMsisdnTokenOtherUrl(asked.submit_url, asked.sid, adding, await mailbox.code(address)), { success: true });
const challenge = await failure("adding without a password", alice.client.addThreePidOnly(session));
is("the challenge", [challenge.httpStatus, challenge.data.flows], [401, [{ stages: ["m.login.password"] }]]);
await alice.client.addThreePidOnly({ ...session, auth: { ...alice.auth, session: challenge.data.session } });
is("the account", (await alice.client.getThreePids()).threepids.map((t) => [t.medium, t.address]), [["email", address]]);
is("nobody is found yet", await bob.finds(), undefined);

const binding = alice.client.generateClientSecret();
const own = await alice.client.requestEmailToken(address, binding, 1, undefined, alice.idToken);
const submitted = await fetch(`${idServer}/_matrix/identity/v2/validate/email/submitToken`, {
    method: "POST",
    headers: { "Authorization": `Bearer ${alice.idToken}`, "Content-Type": "application/json" },
    body: JSON.stringify({ sid: own.sid, client_secret: binding, token: await mailbox.code(address) }),
});
is("the code of the binding", await submitted.json(), { success: true });
await alice.client.bindThreePid({ sid: own.sid, client_secret: binding, id_server: alice.client.getIdentityServerUrl(true), id_access_token: alice.idToken });
is("alice is found", await bob.finds(), alice.id);
is("unbound", await alice.client.unbindThreePid("email", address), { id_server_unbind_result: "success" });
is("alice is found no more", await bob.finds(), undefined);
is("the account still", (await alice.client.getThreePids()).threepids.length, 1);
is("deleted", await alice.client.deleteThreePid("email", address), { id_server_unbind_result: "no-support" }); // bound nowhere
is("the account in the end", (await alice.client.getThreePids()).threepids, []);
is("the end", await alice.client.deactivateAccount(alice.auth, true), { id_server_unbind_result: "success" });
is("alice in the end", await bob.finds(), undefined);
