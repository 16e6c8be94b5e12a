// Package verify proves that a person controls an e-mail address or a phone
// number, by a session that ends in a Proof.
//
//	Request ──▶ waiting ── right code, or the mailed link confirmed ──▶ validated ── Spend ──▶ spent
//	  │            │  ▲                                                    │                    │
//	  │            │  └── Request, higher send_attempt: new code,          └── Prove            └── Prove still
//	  │            │      old code and link dead                                                  proves the owner
//	  │            ├── five wrong codes: no code opens it any more, the link still does
//	  │            └── "this was not me": stopped; nothing opens it any more
//	  ├── too soon after the message before, or a budget used up: told to wait, nothing changed
//	  ├── a CAPTCHA is needed: told which, nothing changed; passed, the same request goes on
//	  └── the message is refused: as if never asked
//
// A session has a purpose, a caller and, where known, a user whom the address is for.
// They are part of what makes two requests the same, are shown to whoever confirms it, and
// are checked where its proof is used. Only the caller who opened it may use it; only
// Spend uses one up, and only in the transaction of what it is spent on.
//
// A code lives 15 minutes (SMS: 10), a link 60, a session 24 hours from its last
// change, and once validated, from then. Codes, link tokens and client secrets are
// kept as HMACs, addresses encrypted.
//
// What a requester is told: bad syntax; a country or number type that is not served; that
// text messages are switched off; that the mail domain takes no mail or gives mailboxes to
// everybody; the mail server's refusal; limits, and that a CAPTCHA is needed. What nobody is
// told, by the answer's shape or time: that an address is bound, that it has an account where
// somebody would sign up with it (of which its owner is told in place of a code), that its
// owner wants no messages, that it is watched.
//
// Who has shown control for the purpose manage, on the owner's page, sees what is stored,
// without its secrets, and has it erased; that page reaches an owner who wants no messages
// too (owner.go, held.go).
//
// A homeserver to which control was shown, for an account there, may have the owner told of
// logins for a year (shown.go).
//
// The rooms below: verify/captcha asks whether somebody is a person, verify/fraud whether
// a text message is worth its price, verify/message writes the words. Budgets and signals
// are in budgets.go and risk.go. What a proof is good for is decided by lookup.
package verify
