// Cross-signing keys in the key directory: whether this person's stand there, and whether
// another's are those that stand there. Nobody is looked up until somebody asks for it.

import { call, client, session } from "./api.js";
import { button, h, name } from "./dom.js";
import { Plain, t, words } from "./words.js";

const directory = (path) => call("GET", `/_signet/client/v1/keys/${path}`, undefined, { token: session.access_token });

const consent = () => `/user/${encodeURIComponent(session.user_id)}/account_data/im.signet.publish_keys`;

// stands says how somebody's own keys are there.
function stands({ publish, state, alarm_since_ts }) {
  if (alarm_since_ts || ["foreign", "outdated", "revoked", "erased"].includes(state)) return t("keys-wrong");
  if (state === "published") return t("keys-published");
  return publish || state === "erasing" ? t("keys-waiting") : "";
}

// publishing is the choice whether the own keys stand in the directory; null where there are
// none, or no directory.
export async function publishing() {
  const own = await client("POST", "/keys/query", { device_keys: { [session.user_id]: [] } });
  if (!own.master_keys?.[session.user_id]) return null;
  const now = await directory("directory").catch((failure) => {
    if (failure.status !== 404) throw failure;
  });
  if (!now) return null;
  const said = h("p", { class: "hint", role: "status" }, stands(now));
  const box = h("input", { type: "checkbox", id: "publish", checked: now.publish, "aria-describedby": "publish-hint", onchange: choose });
  async function choose() {
    const publish = box.checked;
    try {
      await client("PUT", consent(), { publish });
      said.textContent = stands(await directory("directory"));
    } catch (failure) {
      box.checked = !publish;
      said.textContent = words(failure);
    }
  }
  return h("div", { class: "choice" }, box, h("div", {}, h("label", { for: "publish" }, t("keys-publish")), h("p", { class: "hint", id: "publish-hint" }, t("keys-publish-hint", { user: name(session.user_id) })), said));
}

const found = { same: "keys-same", different: "keys-different", none: "keys-none", revoked: "keys-none" };

// checking is what looks somebody's keys up, and the line that says what came of it.
export function checking(user) {
  const line = h("p", { class: "hint", role: "status", hidden: true });
  const ask = button(t("keys-check", { who: name(user) }), async () => {
    const { state } = await directory(encodeURIComponent(user)).catch((failure) => {
      throw failure.errcode === "IM.SIGNET.PROOF_FAILED" ? new Plain("keys-unproven") : failure;
    });
    line.replaceChildren(...[t(found[state] ?? "keys-unknown", { who: name(user) })].flat());
    line.hidden = false;
  });
  return { ask, line };
}
