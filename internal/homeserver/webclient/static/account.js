// The pages by which people come in: sign up, log in, a new password, and whether they are
// found.

import { identifierOf, readable } from "./address.js";
import { begin, call, client, identity, identityAccess, identityServer, server, session } from "./api.js";
import { button, card, form, go, h, name, tell } from "./dom.js";
import { publishing } from "./keys.js";
import { prove } from "./prove.js";
import { authenticate, policies } from "./stages.js";
import { inReach, Plain, t, words } from "./words.js";

const device = t("web-client");

const username = { name: "user", label: t("user-name"), autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true };
const newPassword = { name: "password", label: t("password"), type: "password", autocomplete: "new-password", minlength: 8, required: true, hint: t("password-hint") };
const staying = { name: "stay", type: "checkbox", label: t("stay"), hint: t("stay-hint") };

// signedUpWith is the address that somebody has just signed up with in order to be found by it.
let signedUpWith = null;

export function signUp() {
  const state = {};
  const asked = form({
    title: t("sign-up"),
    lead: [h("p", {}, t("sign-up-lead", { server: h("strong", {}, name(server)) }))],
    fields: [{ ...username, hint: t("user-name-hint", { address: name(`@name:${server}`) }) }, newPassword, staying],
    button: t("continue"),
    async submit({ user, password, stay }) {
      const wish = { username: user.trim().toLowerCase(), password, initial_device_display_name: device };
      if (password.length < 8) throw new Plain("password-short");
      await client("GET", `/register/available?username=${encodeURIComponent(wish.username)}`);
      const send = (auth) => call("POST", "/_matrix/client/v3/register", { ...wish, auth });
      try {
        const login = await authenticate({
          path: "/register", send, state,
          title: t("your-address"), lead: t("your-address-lead"),
        });
        begin(login, stay);
        signedUpWith = state.found;
        go(signedUpWith ? "/found/new" : "/");
      } catch (failure) {
        asked.show();
        throw failure;
      }
    },
    others: [t("have-account"), " ", h("a", { href: "#/login" }, t("log-in"))],
  });
  asked.show();
}

export function logIn() {
  form({
    title: t("log-in"),
    fields: [
      { ...username, label: t("log-in-name"), hint: t("log-in-name-hint") },
      { ...newPassword, autocomplete: "current-password", hint: null, minlength: null },
      staying,
    ],
    button: t("log-in"),
    async submit({ user, password, stay }) {
      const wish = { type: "m.login.password", identifier: identifierOf(user), password, initial_device_display_name: device };
      begin(await call("POST", "/_matrix/client/v3/login", wish).catch(wrongPassword), stay);
      go("/");
    },
    others: [h("a", { href: "#/reset" }, t("forgot")), h("a", { href: "#/signup" }, t("sign-up"))],
  }).show();
}

function wrongPassword(failure) {
  throw failure.errcode === "M_FORBIDDEN" ? new Plain("wrong-login") : failure;
}

export function reset() {
  const asked = form({
    title: t("reset-title"),
    lead: [t("reset-lead")],
    fields: [{ ...newPassword, label: t("new-password") }],
    button: t("continue"),
    async submit({ password }) {
      if (password.length < 8) throw new Plain("password-short");
      const send = (auth) => call("POST", "/_matrix/client/v3/account/password", { new_password: password, logout_devices: true, auth });
      const stage = { title: t("reset-title"), lead: t("reset-address-lead") };
      try {
        await authenticate({ path: "/account/password", send, state: {}, ...stage });
      } catch (failure) {
        asked.show();
        throw failure;
      }
      card(t("reset-done"), h("a", { class: "button", href: "#/login" }, t("log-in")));
    },
    others: [h("a", { href: "#/login" }, t("back-to-login"))],
  });
  asked.show();
}

// agree has the terms of the identity server accepted before it is asked for anything else,
// and resolves with whether that took a page.
export async function agree() {
  const failure = await identity("GET", "/account").then(() => null, (f) => f);
  if (!failure) return false;
  if (failure.errcode !== "M_TERMS_NOT_SIGNED") throw failure;
  const { policies: all } = await identity("GET", "/terms");
  await new Promise((resolve) => {
    form({
      title: t("agree-title"),
      lead: [h("p", {}, t("agree-identity", { server: h("strong", {}, name(host())) })), policies(all)],
      button: t("agree"),
      async submit() {
        const urls = Object.values(all).map((one) => inReach(one).url);
        await identity("POST", "/terms", { user_accepts: urls });
        resolve();
      },
      others: [h("a", { href: "#/" }, t("not-now"))],
    }).show();
  });
  return true;
}

const host = () => new URL(identityServer).host;

// fresh has somebody found who has agreed to it by the code of their sign-up. Their server does so
// by itself, too, for a day; here they read what comes of it, and accept the terms if there are any.
export async function fresh() {
  if (!signedUpWith) return found();
  const { medium, address, ...credentials } = signedUpWith;
  const ask = () => client("POST", "/account/3pid/bind", { ...credentials, id_server: host() });
  try {
    await ask().catch(async (failure) => {
      if (failure.errcode !== "M_TERMS_NOT_SIGNED") throw failure;
      await agree();
      await ask();
    });
    isFound({ medium, address });
  } catch (failure) {
    if (failure.status && failure.status < 500 && failure.status !== 429) throw failure;
    isFoundLater(failure);
  }
  signedUpWith = null;
}

function isFoundLater(failure) {
  card(t("found-later-title"),
    h("p", { role: "alert" }, t("found-later"), " ", words(failure)),
    h("p", {}, t("found-later-text")),
    h("a", { class: "button", href: "#/" }, t("to-rooms")));
}

// found is the choice whether friends who know an address find the account. The identity
// server believes the person alone, so it sends a code of its own.
export async function found() {
  const { threepids = [] } = await client("GET", "/account/3pid");
  const choices = threepids.map((contact) => button(t("be-found-by", { address: name(readable(contact)) }), () => bind(contact), { quiet: false }));
  card(t("found-title"),
    h("p", {}, t("found-lead")),
    choices,
    h("p", { class: "hint" }, t("found-code", { server: name(host()) })),
    h("p", { class: "others" }, h("a", { href: "#/" }, t("back")), h("a", { href: "#/account" }, t("what-found-by"))));
}

async function bind(contact) {
  await agree();
  const { medium } = contact;
  const done = await prove({
    ...contact,
    title: t("be-found"),
    lead: t("be-found-lead"),
    request: (wish) => identity("POST", `/validate/${medium}/requestToken`, wish),
    submit: (code) => identity("POST", `/validate/${medium}/submitToken`, code),
    async finish(credentials) {
      const query = new URLSearchParams(credentials);
      const validated = await identity("GET", `/3pid/getValidated3pid?${query}`).catch(notYet);
      if (!validated) return undefined;
      await client("POST", "/account/3pid/bind", { ...credentials, id_server: host(), id_access_token: await identityAccess() });
      return validated;
    },
  });
  isFound(done);
}

function isFound(contact) {
  card(t("found-done"),
    h("p", {}, t("found-done-text", { address: h("strong", {}, name(readable(contact))), user: h("strong", {}, name(session.user_id)) })),
    h("a", { class: "button", href: "#/" }, t("to-rooms")));
}

function notYet(failure) {
  if (failure.errcode !== "M_SESSION_NOT_VALIDATED") throw failure;
}

// account shows by which addresses somebody is found, as the identity server itself says.
export async function account() {
  const token = await identityAccess();
  const { bindings = [] } = await call("GET", "/_signet/v1/me", undefined, { token, base: identityServer });
  const items = bindings.map((contact) => h("li", {}, name(readable(contact)), " ", button(t("found-no-more"), async () => {
    await client("POST", "/account/3pid/unbind", { medium: contact.medium, address: contact.address, id_server: host() });
    await account();
    tell(t("found-no-more-done", { address: readable(contact) }));
  })));
  card(t("account-title"),
    h("p", {}, t("you-are", { user: h("strong", {}, name(session.user_id)) })),
    h("h2", {}, t("found-by-title")),
    items.length ? h("ul", { class: "plain" }, items) : h("p", {}, t("found-by-none")),
    await publishing(),
    h("p", { class: "others" }, h("a", { href: "#/found" }, t("be-found-address")), h("a", { href: "#/" }, t("back"))));
}
