// What servers are asked, and by whom: the session of the person at this page.

import { lang } from "./words.js";

export const { server, identity: identityServer } = document.body.dataset;

// Failure is a refusal, or, with the status 0, that no answer came.
export class Failure extends Error {
  constructor(status, body) {
    super(body.error ?? `HTTP ${status}`);
    Object.assign(this, { status, body, errcode: body.errcode ?? "" });
  }
}

// call resolves with the body of the answer.
export async function call(method, path, body, { token, base = "", signal } = {}) {
  const headers = { "Accept-Language": lang }; // which is that of messages
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(base + path, { method, headers, signal, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store" });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Failure(0, {});
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Failure(response.status, answer);
  return answer;
}

// The session is kept for this tab, so that the next person at this computer does not find
// it; for the browser where somebody wishes so.
const key = "signet.session";
const stores = [sessionStorage, localStorage];

export let session = stores.map((store) => JSON.parse(store.getItem(key))).find(Boolean) ?? null;

export function begin({ user_id, access_token }, stay) {
  session = { user_id, access_token };
  stores[stay ? 1 : 0].setItem(key, JSON.stringify(session));
}

export function end() {
  session = identityToken = null;
  for (const store of stores) store.removeItem(key);
}

// client asks the homeserver. Whose session has ended is led to the first page.
export async function client(method, path, body, signal) {
  const asked = session;
  try {
    return await call(method, `/_matrix/client/v3${path}`, body, { token: asked?.access_token, signal });
  } catch (failure) {
    if (asked && failure.errcode === "M_UNKNOWN_TOKEN") {
      end();
      dispatchEvent(new Event("ended"));
    }
    throw failure;
  }
}

let identityToken = null;

// identityAccess is an access token for the identity server, to which the homeserver says
// who this is (OpenID). It is kept as long as this page.
export async function identityAccess() {
  if (!identityToken) {
    const openid = await client("POST", `/user/${encodeURIComponent(session.user_id)}/openid/request_token`, {});
    const answer = await call("POST", "/_matrix/identity/v2/account/register", openid, { base: identityServer });
    identityToken = answer.token;
  }
  return identityToken;
}

// identity asks the identity server.
export async function identity(method, path, body) {
  const ask = async () => call(method, `/_matrix/identity/v2${path}`, body, { token: await identityAccess(), base: identityServer });
  try {
    return await ask();
  } catch (failure) {
    if (failure.status !== 401) throw failure;
    identityToken = null; // it has ended
    return ask();
  }
}

// logOut ends both tokens; the page's own end does not wait for servers that are away.
export async function logOut() {
  const [token, at] = [session?.access_token, identityToken];
  end();
  await Promise.allSettled([
    token && call("POST", "/_matrix/client/v3/logout", {}, { token }),
    at && call("POST", "/_matrix/identity/v2/account/logout", {}, { token: at, base: identityServer }),
  ]);
}

// secret is a new one of this page.
export const secret = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
