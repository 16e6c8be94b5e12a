// The demo's whole story, by matrix-js-sdk: Anna signs up at one homeserver and invites Ben by
// his e-mail address; he signs up at another, is found by it and joins, and they talk. Then
// Ben logs in by a code, Carol has no address but a phone number, and Anna forgets her password.
//
// Usage: jssdk_town.mjs ANNAS_HOMESERVER BENS_HOMESERVER IDENTITY_SERVER
import "./loopback.mjs"; // before all that may call somebody
import { AuthType, AutoDiscovery, AutoDiscoveryAction, ClientEvent, createClient, InteractiveAuth, MatrixEventEvent, SERVICE_TYPES } from "matrix-js-sdk";
import { failure, is } from "./check.mjs";
import { Browser, Mailbox } from "./person.mjs";

const [annas, bens, idServer] = process.argv.slice(2);
const mailbox = new Mailbox(idServer);
const password = "a password for the tests";

// SignUp is a client's screens on the way to an account. It knows of terms and addresses, and
// sends people to the homeserver's page for what it does not know.
class SignUp {
    constructor(homeserver, username, inputs) {
        this.inputs = inputs;
        this.stages = [];
        this.newcomer = createClient({ baseUrl: homeserver });
        this.auth = new InteractiveAuth({
            matrixClient: this.newcomer,
            inputs,
            doRequest: (auth) => this.newcomer.registerRequest({ username, password, ...(auth && { auth }) }),
            requestEmailToken: (email, secret, attempt) => this.newcomer.requestRegisterEmailToken(email, secret, attempt),
            stateUpdated: (stage, status) => void this.shows(stage, status).catch((error) => this.fail(error)),
        });
    }

    // account passes all stages, and is the answer of the last request.
    account() {
        return Promise.race([this.auth.attemptAuth(), new Promise((_, fail) => (this.fail = fail))]);
    }

    async shows(stage, { error }) {
        if (error) throw new Error(`${stage}: ${error}`);
        this.stages.push(stage);
        switch (stage) {
            case AuthType.Terms:
                is("the terms", this.auth.getStageParams(stage).policies.rules.en.name, "Rules");
                return this.auth.submitAuthDict({ type: stage });
            case AuthType.Email:
                await mailbox.follows(this.inputs.emailAddress.toLowerCase());
                return this.auth.poll();
            case AuthType.Msisdn:
                return this.texts();
        }
        await this.fallback(stage);
        await this.auth.submitAuthDict({});
    }

    // fallback is the page of a stage in a browser, where the person solves a CAPTCHA.
    async fallback(stage) {
        const browser = new Browser();
        await browser.open(this.newcomer.getFallbackAuthUrl(stage, this.auth.getSessionId()));
        await mailbox.solves(browser);
        browser.reads("Go back to your app.");
    }

    async texts() {
        const { phoneCountry, phoneNumber, international } = this.inputs;
        const secret = this.auth.getClientSecret();
        const { sid, submit_url: url } = await this.newcomer.requestRegisterMsisdnToken(phoneCountry, phoneNumber, secret, 1);
        is("the number", await this.newcomer.submitMsisdnTokenOtherUrl(url, sid, secret, await mailbox.code(international)), { success: true });
        await this.auth.submitAuthDict({ type: AuthType.Msisdn, threepid_creds: { sid, client_secret: secret } });
    }
}

// patiently has somebody who is asked for a CAPTCHA solve it where the error says, and try again.
async function patiently(asks) {
    const { errcode, data } = await failure("the first message", asks());
    is("the first message", errcode, "M_CAPTCHA_NEEDED");
    const browser = new Browser();
    await browser.open(/Open (\S+) and/.exec(data.error)[1]);
    await mailbox.solves(browser);
    return asks();
}

// Person is a user at one device.
class Person {
    constructor(homeserver, login) {
        this.id = login.user_id;
        this.client = createClient({
            baseUrl: homeserver,
            idBaseUrl: idServer,
            identityServer: { getAccessToken: async () => this.idToken },
            userId: login.user_id,
            deviceId: login.device_id,
            accessToken: login.access_token,
        });
    }

    static async signsUp(homeserver, username, inputs) {
        const signUp = new SignUp(homeserver, username, inputs);
        const person = new Person(homeserver, await signUp.account());
        is(`the stages of ${username}`, signUp.stages, ["im.signet.captcha", AuthType.Terms, inputs.emailAddress ? AuthType.Email : AuthType.Msisdn]);
        await person.agrees();
        return person;
    }

    // agrees makes the identity server's terms known and accepts them.
    async agrees() {
        const { token } = await this.client.registerWithIdentityServer(await this.client.getOpenIdToken());
        is("before the terms", (await failure("asking", this.client.getIdentityAccount(token))).errcode, "M_TERMS_NOT_SIGNED");
        const { policies } = await this.client.getTerms(SERVICE_TYPES.IS, idServer);
        const urls = Object.values(policies).map((policy) => policy.en.url);
        await this.client.agreeToTerms(SERVICE_TYPES.IS, idServer, token, urls);
        is("after the terms", await this.client.getIdentityAccount(token), { user_id: this.id });
        this.idToken = token;
    }

    // starts syncs from then on, with keys.
    async starts() {
        await this.client.initRustCrypto({ useIndexedDB: false });
        await this.client.startClient();
        await this.sees(() => this.client.isInitialSyncComplete());
    }

    // isFound has the person found by a session that they have shown to be theirs.
    async isFound(sid, secret) {
        await this.client.bindThreePid({ sid, client_secret: secret, id_server: this.client.getIdentityServerUrl(true), id_access_token: this.idToken });
    }

    async finds(medium, address) {
        return (await this.client.lookupThreePid(medium, address, this.idToken)).mxid;
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

    async is(membership, roomId, who) {
        await this.sees(() => this.client.getRoom(roomId)?.getMember(who.id)?.membership === membership);
    }

    // hears waits for a message that somebody has encrypted.
    async hears(roomId, who, text) {
        const is = (event) => event.isEncrypted() && event.getSender() === who.id && event.getContent().body === text;
        await this.sees(() => this.client.getRoom(roomId).getLiveTimeline().getEvents().find(is));
    }
}

async function invitationByEmail() {
    const anna = await Person.signsUp(annas, "anna", { emailAddress: "anna@example.org" });
    await anna.starts();
    is("anna may change her addresses", (await anna.client.getCapabilities())["m.3pid_changes"], { enabled: true });
    const encryption = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };
    const { room_id: kitchen } = await anna.client.createRoom({ preset: "private_chat", name: "Kitchen", initial_state: [encryption] });
    await anna.client.inviteByEmail(kitchen, "ben@example.org");
    await anna.sees(() => anna.client.getRoom(kitchen)?.currentState.getStateEvents("m.room.third_party_invite").length === 1);
    await mailbox.newest("ben@example.org", /http\S*\/invitation#\S+/);

    const ben = await Person.signsUp(bens, "ben", { emailAddress: "Ben@Example.org" });
    is("ben's addresses", (await ben.client.getThreePids()).threepids.map((t) => [t.medium, t.address]), [["email", "ben@example.org"]]);
    await ben.starts();
    const secret = ben.client.generateClientSecret();
    const { sid } = await ben.client.requestEmailToken("ben@example.org", secret, 1, undefined, ben.idToken);
    await mailbox.follows("ben@example.org");
    await ben.isFound(sid, secret);
    await ben.is("invite", kitchen, ben);
    await ben.client.joinRoom(kitchen);
    await Promise.all([anna.is("join", kitchen, ben), ben.is("join", kitchen, ben)]);
    console.log("ben has come");

    await anna.client.sendTextMessage(kitchen, "Shall we have tea?");
    await ben.hears(kitchen, anna, "Shall we have tea?");
    await ben.client.sendTextMessage(kitchen, "I bring the cups.");
    await anna.hears(kitchen, ben, "I bring the cups.");
    is("ben is found", await anna.finds("email", "ben@example.org"), ben.id);
    is("ben unbinds", await ben.client.unbindThreePid("email", "ben@example.org"), { id_server_unbind_result: "success" });
    is("ben is found no more", await anna.finds("email", "ben@example.org"), undefined);
    return { anna, ben };
}

// loginByCode is a client that has people log in in their browser, and is told there to return
// to itself.
async function loginByCode(ben) {
    const client = createClient({ baseUrl: bens });
    const { flows } = await client.loginFlows();
    const [provider] = flows.find((flow) => flow.type === "m.login.sso").identity_providers;
    is("the flows", flows.some((flow) => flow.type === "m.login.token"), true);
    const browser = new Browser();
    const back = "io.element.app:/callback?state=1";
    await browser.open(client.getSsoLoginUrl(back, "sso", provider.id));
    await browser.send({ address: "ben@example.org" });
    await mailbox.solves(browser); // for he has had many messages
    browser.reads("A message is on its way to ben@example.org.");
    await browser.send({ code: await mailbox.code("ben@example.org") });
    browser.reads(ben.id);
    await browser.send({ agreed: "1" });
    const location = new URL(browser.location);
    is("back", location.href.startsWith(back), true);
    const login = await client.loginRequest({ type: "m.login.token", token: location.searchParams.get("loginToken"), initial_device_display_name: "Ben's new app" });
    is("who has logged in", login.user_id, ben.id);
    await mailbox.newest("ben@example.org", /Ben's new app/);
}

// invitationByPhone is for Carol, before she is there and when she is found.
async function invitationByPhone(anna) {
    const national = "07400 123457", international = "+447400123457", address = international.slice(1);
    const { room_id: hall } = await anna.client.createRoom({
        preset: "private_chat", invite_3pid: [{ id_server: anna.client.getIdentityServerUrl(true), medium: "msisdn", address }],
    });
    await mailbox.newest(international, /http\S*\/i#\S+/);
    const carol = await Person.signsUp(bens, "carol", { phoneCountry: "GB", phoneNumber: national, international });
    const login = await createClient({ baseUrl: bens }).loginRequest({
        type: "m.login.password", password, identifier: { type: "m.id.phone", country: "GB", phone: national },
    });
    is("who has logged in by a number", login.user_id, carol.id);
    await carol.starts();
    const { sid, secret } = await patiently(async () => {
        const secret = carol.client.generateClientSecret(); // apps make another with each try
        return { secret, ...(await carol.client.requestMsisdnToken("GB", national, secret, 1, undefined, carol.idToken)) };
    });
    is("carol's code", await carol.client.submitMsisdnToken(sid, secret, await mailbox.code(international), carol.idToken), { success: true });
    await carol.isFound(sid, secret);
    await carol.is("invite", hall, carol);
    const { room_id: garden } = await anna.client.createRoom({ preset: "private_chat" });
    await anna.client.inviteByThreePid(garden, "msisdn", address);
    await carol.is("invite", garden, carol);
}

// newPassword is for Anna, by her address.
async function newPassword(anna) {
    const client = createClient({ baseUrl: annas });
    const secret = client.generateClientSecret();
    const { sid } = await patiently(() => client.requestPasswordEmailToken("anna@example.org", secret, 1));
    const auth = { type: AuthType.Email, threepid_creds: { sid, client_secret: secret } };
    is("before the link", (await failure("a new password", client.setPassword(auth, "another password", false))).httpStatus, 401);
    await mailbox.follows("anna@example.org");
    await client.setPassword(auth, "another password", false);
    const identifier = { type: "m.id.thirdparty", medium: "email", address: "Anna@example.org" };
    is("the former password", (await failure("it", client.loginRequest({ type: "m.login.password", password, identifier }))).errcode, "M_FORBIDDEN");
    is("anna is back", (await client.loginRequest({ type: "m.login.password", password: "another password", identifier })).user_id, anna.id);
}

for (const homeserver of [annas, bens]) {
    const found = await AutoDiscovery.fromDiscoveryConfig(await (await fetch(`${homeserver}/.well-known/matrix/client`)).json());
    for (const server of ["m.homeserver", "m.identity_server"]) is(server, found[server].state, AutoDiscoveryAction.SUCCESS);
}
const { anna, ben } = await invitationByEmail();
await loginByCode(ben);
console.log("ben has logged in by a code");
await invitationByPhone(anna);
await newPassword(anna);
process.exit(0); // the clients would go on
