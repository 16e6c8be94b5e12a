// Package captcha asks whether somebody is a person: six digits, shown as a picture
// and read aloud.
//
//	Open ──▶ open ── Pass, the right answer ──▶ passed ──┬── Check, once ──▶ checked
//	          │  │                                │      └── Spend, once ──▶ spent, until Unspend
//	          │  └── a fifth wrong answer: dead   └── ten minutes after it: expired
//	          └── ten minutes without the right answer: expired
//
// Check and Spend are two marks of one passed challenge, each set once and neither in
// the way of the other: a homeserver looks at one for its own sign-up and then spends
// it on a message.
//
// The digits follow from a sealed key and the challenge's id, so no answer is kept and
// every replica can check. The picture is drawn once and kept with the challenge, sealed:
// many drawings of one answer would help a machine to read it. What is read aloud is
// drawn when it is asked for, five times at most.
//
// This slows machines down and keeps none out for good. Who must pass one, what for
// and how often is for the callers and their budgets to say; here the subject is a tag
// without meaning.
package captcha
