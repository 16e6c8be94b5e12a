// User-interactive authentication (client-server API), as far as people do it here: the
// server says which stages lead to the end, and each is a page.

import { call, Failure, identityServer, session } from "./api.js";
import { button, card, elsewhere, form, h } from "./dom.js";
import { captcha, prove } from "./prove.js";
import { inReach, lang, Plain, t } from "./words.js";

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
  "m.login.email.identity": t("with-email"),
  "m.login.msisdn": t("with-phone"),
  "m.login.registration_token": t("with-token"),
};

// choose is the stage that comes next; where there are several, the person chooses.
async function choose({ flows, completed = [] }) {
  const open = flows.filter((flow) => completed.every((stage) => flow.stages.includes(stage)));
  const next = new Set(open.map((flow) => flow.stages.find((stage) => !completed.includes(stage))).filter(Boolean));
  if (next.size < 2) return [...next][0];
  return new Promise((resolve) => {
    const choices = [...next].map((stage) => button(ways[stage] ?? stage, () => resolve(stage), { quiet: false }));
    card(t("choice-title"), choices);
  });
}

// passed tells whether an answer is beyond a stage.
const passed = (stage, { challenge }) => !challenge || (challenge.completed ?? []).includes(stage);

// reason is why an attempt did not pass.
const reason = ({ challenge }) => (challenge.errcode ? new Failure(401, challenge) : new Plain("not-enough"));

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
    title: t("agree-title"),
    lead: [t("terms-lead"), policies(challenge.params?.["m.login.terms"]?.policies)],
    fields: [{ name: "agreed", type: "checkbox", label: t("terms-box") }],
    button: t("continue"),
    auth({ agreed }) {
      if (!agreed) throw new Plain("terms-needed");
    },
  })),

  "m.login.registration_token": asking(() => ({
    title: t("token-title"),
    lead: [t("token-hint")],
    fields: [{ name: "token", label: t("token-label"), autocomplete: "off", autocapitalize: "none", spellcheck: "false", required: true }],
    button: t("continue"),
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

// proving is the stage of an address. A CAPTCHA that was passed before covers its message. Who
// signs up may choose to be found by it with the same code.
function proving(medium) {
  return ({ stage, attempt, path, state, title, lead }) => prove({
    medium, title, lead, choosing: Boolean(identityServer) && path === "/register",
    request: (wish) => call("POST", `/_matrix/client/v3${path}/${medium}/requestToken`,
      { ...(state.captcha && { "im.signet.challenge": { id: state.captcha } }), ...wish }, { token: session?.access_token }),
    submit: (code, url) => call("POST", url, code),
    async finish(threepid_creds, { address, found }) {
      const answer = await attempt({ type: stage, threepid_creds });
      if (!passed(stage, answer)) return undefined;
      state.found = found ? { medium, address, ...threepid_creds } : null;
      return answer;
    },
  });
}

// policies is a list of what is to be read.
export function policies(all = {}) {
  const items = Object.values(all).map(inReach).filter(Boolean);
  return h("ul", {}, items.map(({ name, url }) => h("li", {}, elsewhere(url, name))));
}

// fallback is a stage that this page does not know: the server's own page of it opens, and
// says when it is passed (client-server API, "Fallback").
const fallback = ({ stage, challenge, attempt }) => new Promise((resolve) => {
  const url = `/_matrix/client/v3/auth/${encodeURIComponent(stage)}/fallback/web?session=${encodeURIComponent(challenge.session)}&lang=${lang}`;
  let opened;
  const done = async () => {
    const answer = await attempt({});
    if (!passed(stage, answer)) throw new Plain("still-waits");
    removeEventListener("message", hear);
    opened?.close();
    resolve(answer);
  };
  const hear = (event) => {
    if (event.source && event.source === opened && event.data === "authDone") done().catch(() => {});
  };
  addEventListener("message", hear);
  form({
    title: t("step-title"),
    lead: [t("step-lead"), button(t("open-page"), () => { opened = open(url); }, { quiet: false })],
    button: t("done-it"),
    submit: done,
  }).show();
});
