// What went wrong, in words for people.

// Plain is what this page itself has to say.
export class Plain extends Error {}

const said = {
  M_USER_IN_USE: "Somebody has this user name already. Choose another.",
  M_INVALID_USERNAME: "A user name is made of small letters, digits and the signs . _ = - / +",
  M_EXCLUSIVE: "This user name is reserved. Choose another.",
  M_WEAK_PASSWORD: "This password is too easy to guess, or too short. Choose a longer one.",
  M_THREEPID_IN_USE: "Somebody uses this address here already. If it is you, log in, or choose a new password.",
  M_THREEPID_NOT_FOUND: "No account here has this address.",
  M_THREEPID_DENIED: "This server does not take this address.",
  M_THREEPID_MEDIUM_NOT_SUPPORTED: "This server does not take addresses of this kind.",
  M_THREEPID_AUTH_FAILED: "The address has not been confirmed yet.",
  M_SESSION_NOT_VALIDATED: "The address has not been confirmed yet.",
  M_SESSION_EXPIRED: "This took too long. Have a new code sent.",
  M_NO_VALID_SESSION: "The code is wrong, or was for something else. Have a new one sent.",
  M_TOKEN_INCORRECT: "The code is wrong.",
  M_INVALID_EMAIL: "This is not an e-mail address that can be reached.",
  M_INVALID_ADDRESS: "This is not a phone number in use. Begin with + and the country code.",
  M_CAPTCHA_INVALID: "These are not the digits. Look, or listen, again.",
  M_CAPTCHA_NEEDED: "These are not the digits. Look, or listen, again.",
  M_USER_DEACTIVATED: "This account has ended.",
  M_SERVER_NOT_TRUSTED: "Your server does not use that identity server.",
  M_TERMS_NOT_SIGNED: "The terms have to be accepted first.",
  M_UNKNOWN_TOKEN: "You are logged out. Log in again.",
};

// words is a sentence or two about a failure.
export function words(failure) {
  if (failure instanceof Plain) return failure.message;
  if (failure.status === 0) return "The server does not answer. Is there a connection? Try again.";
  if (failure.errcode === "M_LIMIT_EXCEEDED") return `That was too often. Try again ${after(failure.body.retry_after_ms)}.`;
  if (said[failure.errcode]) return said[failure.errcode];
  if (failure.status >= 500) return "The server, or one that it asked, is in trouble. Nothing was changed. Try again later.";
  return `This did not work. The server says: ${failure.message}`;
}

function after(ms) {
  const seconds = Math.ceil((ms ?? 60000) / 1000);
  if (seconds < 120) return `in ${seconds} seconds`;
  if (seconds < 7200) return `in ${Math.ceil(seconds / 60)} minutes`;
  return `in ${Math.ceil(seconds / 3600)} hours`;
}
