// Package verify proves that a person controls an e-mail address or a phone
// number, by a session that ends in a Proof.
//
//	Request ──▶ waiting ── right code, or the mailed link confirmed ──▶ validated ── Spend ──▶ spent
//	  │            │  ▲                                                    │                    │
//	  │            │  └── Request, higher send_attempt: new code,          └── Prove            └── Prove still
//	  │            │      old code and link dead                                                  proves the owner
//	  │            └── five wrong codes: no code opens it any more, the link still does
//	  ├── too soon after the message before, or a budget used up: told to wait, nothing changed
//	  └── the message is refused: as if never asked
//
// A code lives 15 minutes (SMS: 10), a link 60, a session 24 hours from its last
// change, and once validated, from then. Codes, link tokens and client secrets are
// kept as HMACs, addresses encrypted. A session belongs to the caller who opened it;
// only Spend uses one up, and only in the transaction of what it is spent on.
//
// Messages are charged to the budgets of budgets.go and leave through internal/outbox
// and a sender; what they say is verify/message's. What a proof is good for is decided
// by lookup.
package verify
