// User-interactive authentication (client-server API), as far as people do it here: the
// server says which stages lead to the end, and each is a page.

import { call, Failure, session } from "./api.js";
import { button, elsewhere, form, h, show } from "./dom.js";
import { captcha, prove } from "./prove.js";
import { Plain } from "./words.js";

// authenticate resolves with the answer of a request once all stages of a flow are passed.
// send makes the request with what stands for auth. path is where its requestTokens are,
// such as /register. state outlives a refusal of the request itself: who chooses another name
// begins with the stages that are passed already.
export async function authenticate({ path, send, state, title, lead }) {
  const attempt = async (auth) => {
    try {
      return { done: await send(auth || state.session ? { session: state.session, ...auth } : undefined) };
    } catch (failure) {
      const challenge = failure.status === 401 && failure.body.flows ? failure.body : null;
      if (challenge) {
        state.session = challenge.session;
        return { challenge };
      }
      if (mended.includes(failure.errcode)) return { refused: failure };
      throw failure;
    }
  };
  let answer = await attempt();
  while (answer.challenge) {
    const stage = await choose(answer.challenge);
    answer = await (stages[stage] ?? fallback)({ stage, challenge: answer.challenge, attempt, path, state, title, lead });
  }
  if (answer.refused) throw answer.refused;
  return answer.done;
}

// mended is what the first form can mend, and no stage.
const mended = ["M_USER_IN_USE", "M_INVALID_USERNAME", "M_EXCLUSIVE", "M_WEAK_PASSWORD"];

const ways = {
  "m.login.email.identity": "With an e-mail address",
  "m.login.msisdn": "With a phone number",
  "m.login.registration_token": "With a registration token",
};

// choose is the stage that comes next; where there are several, the person chooses.
async function choose({ flows, completed = [] }) {
  const open = flows.filter((flow) => completed.every((stage) => flow.stages.includes(stage)));
  const next = new Set(open.map((flow) => flow.stages.find((stage) => !completed.includes(stage))).filter(Boolean));
  if (next.size < 2) return [...next][0];
  return new Promise((resolve) => {
    const title = "How do you want to go on?";
    const choices = [...next].map((stage) => button(ways[stage] ?? stage, () => resolve(stage), { quiet: false }));
    show(title, h("section", { class: "card narrow" }, h("h1", {}, title), choices));
  });
}

// passed tells whether an answer is beyond a stage.
const passed = (stage, { challenge }) => !challenge || (challenge.completed ?? []).includes(stage);

// reason is why an attempt did not pass.
const reason = ({ challenge }) => (challenge.errcode ? new Failure(401, challenge) : new Plain("This was not enough. Try again."));

// asking is a stage that is one form.
const asking = (parts) => (o) => new Promise((resolve) => {
  form({
    ...parts(o),
    async submit(values) {
      const answer = await o.attempt({ type: o.stage, ...parts(o).auth(values) });
      if (!passed(o.stage, answer)) throw reason(answer);
      resolve(answer);
    },
  }).show();
});

const stages = {
  "m.login.dummy": ({ stage, attempt }) => attempt({ type: stage }),

  "m.login.terms": asking(({ challenge }) => ({
    title: "Do you agree?",
    lead: ["To have an account here you accept these. They open in a window of their own.", policies(challenge.params?.["m.login.terms"]?.policies)],
    fields: [{ name: "agreed", type: "checkbox", label: "I have read them and agree" }],
    button: "Continue",
    auth({ agreed }) {
      if (!agreed) throw new Plain("Without it there is no account. Tick the box if you agree.");
    },
  })),

  "m.login.registration_token": asking(() => ({
    title: "Your registration token",
    lead: ["You have it from whoever runs this server."],
    fields: [{ name: "token", label: "Registration token", autocomplete: "off", autocapitalize: "none", spellcheck: "false", required: true }],
    button: "Continue",
    auth: ({ token }) => ({ token: token.trim() }),
  })),

  "im.signet.captcha": ({ stage, challenge, attempt, state }) => new Promise((resolve) => {
    captcha(challenge.params[stage], async ({ id }, text) => {
      const answer = await attempt({ type: stage, answer: text });
      if (passed(stage, answer)) {
        state.captcha = id;
        return resolve(answer);
      }
      throw Object.assign(reason(answer), { next: answer.challenge.params?.[stage] });
    }).show();
  }),

  "m.login.email.identity": proving("email"),
  "m.login.msisdn": proving("msisdn"),
};

// proving is the stage of an address. A CAPTCHA that was passed before covers its message.
function proving(medium) {
  return ({ stage, attempt, path, state, title, lead }) => prove({
    medium, title, lead,
    request: (wish) => call("POST", `/_matrix/client/v3${path}/${medium}/requestToken`,
      { ...(state.captcha && { "im.signet.challenge": { id: state.captcha } }), ...wish }, { token: session?.access_token }),
    submit: (code, url) => call("POST", url, code),
    async finish(threepid_creds) {
      const answer = await attempt({ type: stage, threepid_creds });
      if (!passed(stage, answer)) return undefined;
      state.proven = medium;
      return answer;
    },
  });
}

// policies is a list of what is to be read, in English or the first language that there is.
export function policies(all = {}) {
  const items = Object.values(all).map(({ version, ...languages }) => languages.en ?? Object.values(languages)[0]).filter(Boolean);
  return h("ul", {}, items.map(({ name, url }) => h("li", {}, elsewhere(url, name))));
}

// fallback is a stage that this page does not know: the server's own page of it opens, and
// says when it is passed (client-server API, "Fallback").
const fallback = ({ stage, challenge, attempt }) => new Promise((resolve) => {
  const url = `/_matrix/client/v3/auth/${encodeURIComponent(stage)}/fallback/web?session=${encodeURIComponent(challenge.session)}`;
  let opened;
  const done = async () => {
    const answer = await attempt({});
    if (!passed(stage, answer)) throw new Plain("The server still waits for this. Finish it in the other window first.");
    removeEventListener("message", hear);
    opened?.close();
    resolve(answer);
  };
  const hear = (event) => {
    if (event.source && event.source === opened && event.data === "authDone") done().catch(() => {});
  };
  addEventListener("message", hear);
  form({
    title: "One more step",
    lead: ["The server asks for something that this page does not know. It has a page of its own for that.", button("Open that page", () => { opened = open(url); }, { quiet: false })],
    button: "I have done it",
    submit: done,
  }).show();
});
