// What is said to people, in the language of the page: its phrases stand in it.

export const lang = document.documentElement.lang;

const phrases = JSON.parse(document.getElementById("phrases").textContent);
const plurals = new Intl.PluralRules(lang);

// Times are of 24 hours, and digits those of codes and addresses.
const written = { en: "en-GB", ar: "ar-u-nu-latn" }[lang] ?? lang;
const numbers = new Intl.NumberFormat(written);

// t says a phrase. What it has in braces is a value: a text, a number, or elements, with which
// the phrase is a list of texts and elements. The value count chooses the plural form.
export function t(key, values = {}) {
  const forms = phrases[key];
  const text = forms[plurals.select(values.count)] ?? forms.other;
  const value = (of) => (typeof values[of] === "number" ? numbers.format(values[of]) : values[of]);
  const parts = text.split(/\{([a-z_]+)\}/).map((part, at) => (at % 2 ? value(part) : part));
  return parts.every((part) => typeof part === "string") ? parts.join("") : parts;
}

// when is a time of day, with its day where that is asked for.
export const when = (at, day) => at.toLocaleString(written, { dateStyle: day ? "medium" : undefined, timeStyle: "short", hourCycle: "h23" });

// inReach is the document of several languages that somebody reads, or the first there is.
export const inReach = ({ version, ...languages }) => languages[lang] ?? languages.en ?? Object.values(languages)[0];

// Plain is what this page itself has to say, by the key of its phrase.
export class Plain extends Error {
  constructor(key, values) {
    super(t(key, values));
  }
}

// alike are errcodes that mean the same to people.
const alike = { M_CAPTCHA_NEEDED: "M_CAPTCHA_INVALID", M_SESSION_NOT_VALIDATED: "M_THREEPID_AUTH_FAILED" };

// words is a sentence or two about a failure.
export function words(failure) {
  if (failure instanceof Plain) return failure.message;
  if (failure.status === 0) return t("no-answer");
  if (failure.errcode === "M_LIMIT_EXCEEDED") return t("limit", { wait: wait(failure.body.retry_after_ms) });
  const key = (alike[failure.errcode] ?? failure.errcode ?? "").toLowerCase().replaceAll("_", "-");
  if (/^m-/.test(key) && Object.hasOwn(phrases, key)) return t(key);
  if (failure.status >= 500) return t("server-trouble");
  return t("refused", { error: failure.message });
}

// wait is how long to wait, at least.
function wait(ms) {
  const minutes = Math.max(1, Math.ceil((ms ?? 60000) / 60000));
  return minutes > 120 ? t("wait-hours", { count: Math.ceil(minutes / 60) }) : t("wait-minutes", { count: minutes });
}
