// How somebody proves that an address is theirs: they name it, and enter the code that is
// sent there or open its link.

import { addressOf, readable } from "./address.js";
import { secret } from "./api.js";
import { button, form, h, name } from "./dom.js";
import { lang, Plain, t, when } from "./words.js";

const kinds = {
  email: { label: t("email-label"), type: "email", autocomplete: "email" },
  msisdn: { label: t("phone-label"), type: "tel", autocomplete: "tel", hint: t("phone-hint") },
};

// prove resolves with what finish does, once it does with anything. request has a message
// sent and resolves with its sid; submit takes { sid, client_secret, token } and the
// submit_url that came with the sid; finish gets
// { sid, client_secret } and the contact, and undefined is an address that is not confirmed yet.
// Where choosing is so the person also says whether to be found by the address.
export async function prove({ medium, title, lead, address, choosing, request, submit, finish }) {
  const contact = { medium, address, client_secret: secret(), send_attempt: 0 };
  const send = async () => {
    contact.send_attempt++;
    Object.assign(contact, await challenged(title, (extra) => request({ ...wish(contact), ...extra })));
  };
  if (!address) await askAddress(contact, { title, lead, choosing, send });
  else await send();
  return askCode(contact, { send, submit, finish, again: () => prove({ medium, title, lead, choosing, request, submit, finish }) });
}

// wish is the body of a requestToken. A number in international form is the same from every
// country, and the specification wants one.
function wish({ medium, address, found, client_secret, send_attempt }) {
  const of = medium === "email" ? { email: address } : { country: "GB", phone_number: readable({ medium, address }) };
  return { ...of, ...(found && { "im.signet.bind": true }), client_secret, send_attempt };
}

const beingFound = { name: "found", type: "checkbox", label: t("found-choice"), hint: t("found-lead") };

const askAddress = (contact, { title, lead, choosing, send }) => new Promise((resolve) => {
  const asked = form({
    title,
    lead: [lead],
    fields: [{ name: "address", required: true, ...kinds[contact.medium] }, ...(choosing ? [beingFound] : [])],
    button: t("send-code"),
    async submit(typed) {
      const { medium, address } = addressOf(typed.address) ?? {};
      if (medium !== contact.medium) throw new Plain(contact.medium === "email" ? "not-email" : "phone-start");
      if (address !== contact.address || typed.found !== contact.found) Object.assign(contact, { address, found: typed.found, client_secret: secret(), send_attempt: 0 });
      await send();
      resolve();
    },
  });
  contact.show = asked.show;
  asked.show();
});

const askCode = (contact, { send, submit, finish, again }) => new Promise((resolve) => {
  const settle = (answer) => { stop(); resolve(answer); };
  const credentials = () => ({ sid: contact.sid, client_secret: contact.client_secret });
  const note = h("p", { class: "hint", role: "status" });
  const asked = form({
    title: t(`code-heading-${contact.medium}`),
    lead: [h("p", {}, t(`code-sent-${contact.medium}`, { address: h("strong", {}, name(readable(contact))) })), note],
    fields: [{ name: "code", label: t("code-label"), class: "code", inputmode: "numeric", autocomplete: "one-time-code", required: true }],
    button: t("confirm"),
    async submit({ code }) {
      const { success } = await submit({ ...credentials(), token: code.replace(/\s/g, "") }, contact.submit_url);
      if (success === false) throw new Plain("m-token-incorrect");
      const answer = await finish(credentials(), contact);
      if (answer === undefined) throw new Plain("m-threepid-auth-failed");
      settle(answer);
    },
    others: [
      button(t("send-again"), async () => {
        asked.complain(null);
        await send();
        asked.show();
        note.textContent = t("sent-again", { time: when(new Date()) });
      }, { fail: (f) => asked.complain(f) }),
      button(t("another-address"), () => settle(again())),
    ],
  });
  const stop = watch(async () => {
    const answer = await finish(credentials(), contact);
    if (answer !== undefined) settle(answer);
  });
  asked.show();
});

// watch asks whether the link was opened: at first often, then ever more seldom and not for
// ever, since each question counts, and whenever somebody comes back to this page.
function watch(look) {
  let wait = 4000;
  const last = Date.now() + 600000;
  let timer;
  let over = false;
  const again = async () => {
    clearTimeout(timer);
    await look().catch(() => {}); // what is wrong is said to who enters the code
    wait = Math.min(wait * 1.4, 60000);
    if (!over && Date.now() < last) timer = setTimeout(again, wait);
  };
  const back = () => { if (!document.hidden) again(); };
  document.addEventListener("visibilitychange", back);
  const stop = () => {
    over = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", back);
    removeEventListener("hashchange", stop);
  };
  addEventListener("hashchange", stop);
  timer = setTimeout(again, wait);
  return stop;
}

// challenged asks, and where a CAPTCHA is wanted first (M_CAPTCHA_NEEDED) shows it and asks
// again with the answer.
export async function challenged(title, ask) {
  try {
    return await ask({});
  } catch (failure) {
    const challenge = failure.body?.["im.signet.challenge"];
    if (!challenge) throw failure;
    return new Promise((resolve) => {
      captcha(challenge, async ({ id }, answer) => {
        resolve(await ask({ "im.signet.challenge": { id, answer } }));
      }).show();
    });
  }
}

// captcha is a form with a picture and its sound. check gets the challenge and the answer;
// where what it throws brings another challenge, that is shown.
export function captcha(challenge, check) {
  const picture = h("img", { class: "picture", width: 240, height: 80, alt: t("captcha-alt") });
  const sound = h("audio", { controls: true, preload: "none", "aria-label": t("captcha-audio") });
  let shown;
  const draw = (next) => {
    shown = next;
    picture.src = next.image_url;
    sound.src = `${next.audio_url}?lang=${lang}`;
  };
  draw(challenge);
  return form({
    title: t("captcha-title"),
    lead: [t("captcha-lead"), picture, sound],
    fields: [{ name: "answer", label: t("captcha-label"), class: "code", inputmode: "numeric", autocomplete: "off", required: true }],
    button: t("continue"),
    async submit({ answer }) {
      try {
        await check(shown, answer.replace(/\s/g, ""));
      } catch (failure) {
        const next = failure.body?.["im.signet.challenge"] ?? failure.next;
        if (next && next.id !== shown.id) draw(next);
        throw failure;
      }
    },
  });
}
