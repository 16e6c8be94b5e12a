package page

import "net/url"

// MailboxPath is the path of the development mailbox.
const MailboxPath = mailboxPath

// LinkPath is the path of the page that confirms a mailed link's token.
func LinkPath(token string) string { return "/_signet/verify/" + url.PathEscape(token) }

// StopPath is the path of the page that says "this was not me" to what a token ends.
func StopPath(token string) string { return "/n/" + url.PathEscape(token) }

// InvitationLink is the path of the page that shows an invitation, with the token and the
// private key in its fragment; ShortInvitationLink is the same for text messages.
func InvitationLink(token, key string) string {
	return invitationPath + "#token=" + url.QueryEscape(token) + "&key=" + url.QueryEscape(key)
}

// ShortInvitationLink is InvitationLink for a token of 22 characters and a key of 43, as
// all are.
func ShortInvitationLink(token, key string) string { return shortInvitationPath + "#" + token + key }

// NeverPath is the path of the page of those who want no invitations.
func NeverPath(token string) string { return neverPath + "/" + url.PathEscape(token) }

// ChallengePath is the path of the page that shows a CAPTCHA to people.
func ChallengePath(id string) string { return "/_signet/captcha/" + url.PathEscape(id) }

// ImagePath is the path of a CAPTCHA's picture.
func ImagePath(id string) string { return ChallengePath(id) + "/image" }

// AudioPath is the path of a CAPTCHA read aloud, in the language named by lang in its
// query, or of the browser.
func AudioPath(id string) string { return ChallengePath(id) + "/audio" }
