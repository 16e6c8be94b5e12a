// Which page is shown: it stands after the # of the address.

import { identityServer, logOut, session } from "./api.js";
import { account, found, fresh, logIn, reset, signUp } from "./account.js";
import { contacts } from "./contacts.js";
import { card, go, h, name } from "./dom.js";
import { home, invite, newRoom, open } from "./rooms.js";
import { rooms, start, stop } from "./sync.js";
import { t, words } from "./words.js";

const strangers = { "/login": logIn, "/signup": signUp, "/reset": reset };

const people = {
  "/": home,
  "/new": newRoom,
  ...(identityServer && { "/found": found, "/found/new": fresh, "/account": account, "/contacts": contacts }),
};

let news = null; // what the page does with them

// route shows the page of the address. What people and strangers may see differs.
async function route() {
  const [path] = location.hash.slice(1).split("?");
  news = null;
  menu();
  try {
    const page = session ? inside(path) : strangers[path] ?? logIn;
    const at = location.hash;
    const then = await page();
    if (location.hash === at) news = typeof then === "function" ? then : null;
  } catch (failure) {
    card(t("failed-title"), h("p", { role: "alert" }, words(failure)), h("a", { class: "button", href: "#/" }, t("back")));
  }
}

// inside is a page of somebody who is logged in. A room may not be here yet.
function inside(path) {
  const [, id, rest] = /^\/room\/([^/]+)(\/invite)?$/.exec(path) ?? [];
  if (id) return () => (rest ? invite : open)(decodeURIComponent(id));
  return people[path] ?? home;
}

function menu() {
  const out = h("button", { type: "button", class: "quiet", onclick: leave }, t("log-out"));
  const own = identityServer ? h("a", { href: "#/account", dir: "ltr" }, name(session?.user_id ?? "")) : name(session?.user_id ?? "");
  document.getElementById("menu").replaceChildren(...(session ? [own, out] : []));
}

async function leave() {
  stop();
  await logOut();
  go("/login");
}

// listen hears of news for as long as somebody is logged in.
let listening = null;

function listen() {
  if (!session || listening === session.access_token) return;
  listening = session.access_token;
  start({
    told() {
      if (news?.() === "again") route();
      document.querySelector(".offline")?.remove();
    },
    lost(failure) {
      document.querySelector(".offline")?.remove();
      if (failure) document.querySelector(".top").after(h("p", { class: "offline", role: "alert" }, words(failure)));
    },
  });
}

// speak has the menu of languages lead to this page in them.
function speak() {
  for (const language of document.querySelectorAll(".languages a")) language.hash = location.hash;
}

addEventListener("hashchange", () => { speak(); listen(); route(); });
addEventListener("ended", () => { stop(); go("/login"); });
document.addEventListener("visibilitychange", () => { if (!document.hidden && rooms.size) news?.(); });

speak();
listen();
route();
