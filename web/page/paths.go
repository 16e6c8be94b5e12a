package page

import "net/url"

// MailboxPath is the path of the development mailbox.
const MailboxPath = mailboxPath

// LinkPath is the path of the page that confirms a mailed link's token.
func LinkPath(token string) string { return "/_signet/verify/" + url.PathEscape(token) }
