// How somebody proves that an address is theirs: they name it, and enter the code that is
// sent there or open its link.

import { addressOf, readable } from "./address.js";
import { secret } from "./api.js";
import { button, form, h, name } from "./dom.js";
import { Plain } from "./words.js";

const kinds = {
  email: { label: "E-mail address", type: "email", autocomplete: "email", by: "by e-mail" },
  msisdn: { label: "Phone number", type: "tel", autocomplete: "tel", by: "by text message", hint: "With + and the country code, such as +44 7400 123456." },
};

// prove resolves with what finish does, once it does with anything. request has a message
// sent and resolves with its sid; submit takes { sid, client_secret, token } and the
// submit_url that came with the sid; finish gets
// { sid, client_secret }, and undefined is an address that is not confirmed yet.
export async function prove({ medium, title, lead, address, request, submit, finish }) {
  const contact = { medium, address, client_secret: secret(), send_attempt: 0 };
  const send = async () => {
    contact.send_attempt++;
    Object.assign(contact, await challenged(title, (extra) => request({ ...wish(contact), ...extra })));
  };
  if (!address) await askAddress(contact, { title, lead, send });
  else await send();
  return askCode(contact, { send, submit, finish, again: () => prove({ medium, title, lead, request, submit, finish }) });
}

// wish is the body of a requestToken. A number in international form is the same from every
// country, and the specification wants one.
function wish({ medium, address, client_secret, send_attempt }) {
  const of = medium === "email" ? { email: address } : { country: "GB", phone_number: readable({ medium, address }) };
  return { ...of, client_secret, send_attempt };
}

const askAddress = (contact, { title, lead, send }) => new Promise((resolve) => {
  const { by, ...input } = kinds[contact.medium];
  const asked = form({
    title,
    lead: [lead],
    fields: [{ name: "address", required: true, ...input }],
    button: "Send the code",
    async submit(typed) {
      const found = addressOf(typed.address);
      if (found?.medium !== contact.medium) throw new Plain(contact.medium === "email" ? "This is not an e-mail address." : "Begin with + and the country code.");
      if (found.address !== contact.address) Object.assign(contact, { address: found.address, client_secret: secret(), send_attempt: 0 });
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
    title: contact.medium === "email" ? "Check your e-mail" : "Check your phone",
    lead: [h("p", {}, "A code was sent to ", h("strong", {}, name(readable(contact))), contact.medium === "email" ? ". Enter it, or open the link in the message: this page notices." : ". Enter it here."), note],
    fields: [{ name: "code", label: "Code", class: "code", inputmode: "numeric", autocomplete: "one-time-code", required: true }],
    button: "Confirm",
    async submit({ code }) {
      const { success } = await submit({ ...credentials(), token: code.replace(/\s/g, "") }, contact.submit_url);
      if (success === false) throw new Plain("The code is wrong.");
      const answer = await finish(credentials());
      if (answer === undefined) throw new Plain("The address is still not confirmed. Try again.");
      settle(answer);
    },
    others: [
      button("Send it again", async () => {
        asked.complain(null);
        await send();
        asked.show();
        note.textContent = `Sent again at ${new Date().toLocaleTimeString("en-GB", { timeStyle: "short" })}.`;
      }, { fail: (f) => asked.complain(f) }),
      button("Another address", () => settle(again())),
    ],
  });
  const stop = watch(async () => {
    const answer = await finish(credentials());
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
  const picture = h("img", { class: "picture", width: 240, height: 80, alt: "Digits in a picture. If you cannot see it, listen to them below." });
  const sound = h("audio", { controls: true, preload: "none", "aria-label": "The digits, read aloud" });
  let shown;
  const draw = (next) => {
    shown = next;
    picture.src = next.image_url;
    sound.src = `${next.audio_url}?lang=en`;
  };
  draw(challenge);
  return form({
    title: "Are you a person?",
    lead: ["Enter the digits. This keeps machines out that would sign up by the thousand.", picture, sound],
    fields: [{ name: "answer", label: "Digits", class: "code", inputmode: "numeric", autocomplete: "off", required: true }],
    button: "Continue",
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
