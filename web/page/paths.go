package page

import "net/url"

// MailboxPath is the path of the development mailbox.
const MailboxPath = mailboxPath

// LinkPath is the path of the page that confirms a mailed link's token.
func LinkPath(token string) string { return "/_signet/verify/" + url.PathEscape(token) }

// StopPath is the path of the page that says "this was not me" to what a token ends.
func StopPath(token string) string { return "/n/" + url.PathEscape(token) }

// ChallengePath is the path of the page that shows a CAPTCHA to people.
func ChallengePath(id string) string { return "/_signet/captcha/" + url.PathEscape(id) }

// ImagePath is the path of a CAPTCHA's picture.
func ImagePath(id string) string { return ChallengePath(id) + "/image" }

// AudioPath is the path of a CAPTCHA read aloud, in the language named by lang in its
// query, or of the browser.
func AudioPath(id string) string { return ChallengePath(id) + "/audio" }
