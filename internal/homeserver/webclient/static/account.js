// The pages by which people come in: sign up, log in, a new password, and whether they are
// found.

import { identifierOf, readable } from "./address.js";
import { begin, call, client, identity, identityAccess, identityServer, server, session } from "./api.js";
import { button, form, go, h, name, show, tell } from "./dom.js";
import { prove } from "./prove.js";
import { authenticate, policies } from "./stages.js";
import { Plain } from "./words.js";

const device = "Signet web client";

const username = { name: "user", label: "User name", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true };
const newPassword = { name: "password", label: "Password", type: "password", autocomplete: "new-password", minlength: 8, required: true, hint: "At least 8 characters." };
const staying = { name: "stay", type: "checkbox", label: "Stay logged in on this device", hint: "Otherwise you are logged out when this tab is closed." };
export function signUp() {
  const state = {};
  const asked = form({
    title: "Sign up",
    lead: [h("p", {}, "An account on ", h("strong", {}, name(server)), ". With it you can talk to everybody on Matrix.")],
    fields: [{ ...username, hint: `Your address will be @name:${server}` }, newPassword, staying],
    button: "Continue",
    async submit({ user, password, stay }) {
      const wish = { username: user.trim().toLowerCase(), password, initial_device_display_name: device };
      if (password.length < 8) throw new Plain("This password is too short.");
      await client("GET", `/register/available?username=${encodeURIComponent(wish.username)}`);
      const send = (auth) => call("POST", "/_matrix/client/v3/register", { ...wish, auth });
      try {
        const login = await authenticate({
          path: "/register", send, state,
          title: "Your address", lead: "A code is sent there. By it you can get a new password, too. Nobody is shown the address.",
        });
        begin(login, stay);
        go(state.proven && identityServer ? "/found/new" : "/");
      } catch (failure) {
        asked.show();
        throw failure;
      }
    },
    others: ["You have an account? ", h("a", { href: "#/login" }, "Log in")],
  });
  asked.show();
}

export function logIn() {
  form({
    title: "Log in",
    fields: [
      { ...username, label: "User name, e-mail address or phone number", hint: "A phone number with + and the country code." },
      { ...newPassword, autocomplete: "current-password", hint: null, minlength: null },
      staying,
    ],
    button: "Log in",
    async submit({ user, password, stay }) {
      const wish = { type: "m.login.password", identifier: identifierOf(user), password, initial_device_display_name: device };
      begin(await call("POST", "/_matrix/client/v3/login", wish).catch(wrongPassword), stay);
      go("/");
    },
    others: [h("a", { href: "#/reset" }, "Forgot the password?"), h("a", { href: "#/signup" }, "Sign up")],
  }).show();
}

function wrongPassword(failure) {
  throw failure.errcode === "M_FORBIDDEN" ? new Plain("The name or the password is wrong.") : failure;
}

export function reset() {
  const asked = form({
    title: "A new password",
    lead: ["A code is sent to the e-mail address or phone number of your account. All your devices are logged out."],
    fields: [{ ...newPassword, label: "New password" }],
    button: "Continue",
    async submit({ password }) {
      if (password.length < 8) throw new Plain("This password is too short.");
      const send = (auth) => call("POST", "/_matrix/client/v3/account/password", { new_password: password, logout_devices: true, auth });
      const stage = { title: "A new password", lead: "The address that you have given to your account." };
      try {
        await authenticate({ path: "/account/password", send, state: {}, ...stage });
      } catch (failure) {
        asked.show();
        throw failure;
      }
      const title = "You have a new password";
      show(title, h("section", { class: "card narrow" }, h("h1", {}, title), h("a", { class: "button", href: "#/login" }, "Log in")));
    },
    others: [h("a", { href: "#/login" }, "Back to the login")],
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
      title: "Do you agree?",
      lead: [h("p", {}, "The identity server ", h("strong", {}, name(new URL(identityServer).host)), " asks that you accept these first."), policies(all)],
      button: "I agree",
      async submit() {
        const urls = Object.values(all).flatMap(({ version, ...languages }) => (languages.en ?? Object.values(languages)[0]).url);
        await identity("POST", "/terms", { user_accepts: urls });
        resolve();
      },
      others: [h("a", { href: "#/" }, "Not now")],
    }).show();
  });
  return true;
}

const host = () => new URL(identityServer).host;

// found is the choice whether friends who know an address find the account. The identity
// server believes the person alone, so it sends a code of its own.
export async function found(fresh) {
  const { threepids = [] } = await client("GET", "/account/3pid");
  const choices = threepids.map((contact) => button(`Be found by ${readable(contact)}`, () => bind(contact), { quiet: false }));
  const title = "Do you want to be found?";
  show(title, h("section", { class: "card narrow" },
    h("h1", {}, title),
    h("p", {}, "Friends who know your address can then find and invite you by it. They cannot read it from your account, and you can take it back. If somebody has invited you by it, that invitation comes too."),
    choices,
    h("p", { class: "hint" }, "The identity server ", name(host()), " sends a second code: it believes nobody but you that an address is yours."),
    h("p", { class: "others" }, h("a", { href: "#/" }, fresh ? "No, go on" : "Back"), !fresh && h("a", { href: "#/account" }, "What I am found by"))));
}

async function bind(contact) {
  await agree();
  const { medium } = contact;
  const done = await prove({
    ...contact,
    title: "Be found",
    lead: "The address by which your friends know you.",
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
  const title = "You can be found";
  show(title, h("section", { class: "card narrow" }, h("h1", {}, title),
    h("p", {}, "Whoever knows ", h("strong", {}, name(readable(done))), " now finds ", h("strong", {}, name(session.user_id)), "."),
    h("a", { class: "button", href: "#/" }, "To your rooms")));
}

function notYet(failure) {
  if (failure.errcode !== "M_SESSION_NOT_VALIDATED") throw failure;
}

// account shows by which addresses somebody is found, as the identity server itself says.
export async function account() {
  const title = "Your account";
  const token = await identityAccess();
  const { bindings = [] } = await call("GET", "/_signet/v1/me", undefined, { token, base: identityServer });
  const items = bindings.map((contact) => h("li", {}, name(readable(contact)), " ", button("Be found no longer", async () => {
    await client("POST", "/account/3pid/unbind", { medium: contact.medium, address: contact.address, id_server: host() });
    await account();
    tell(`You are not found by ${readable(contact)} any more.`);
  })));
  show(title, h("section", { class: "card narrow" }, h("h1", {}, title),
    h("p", {}, "You are ", h("strong", {}, name(session.user_id)), "."),
    h("h2", {}, "What you are found by"),
    items.length ? h("ul", { class: "plain" }, items) : h("p", {}, "Nothing: who does not know your Matrix ID does not find you."),
    h("p", { class: "others" }, h("a", { href: "#/found" }, "Be found by an address"), h("a", { href: "#/" }, "Back"))));
}
