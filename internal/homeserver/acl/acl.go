package acl

import (
	"regexp"
	"strings"

	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// List is the ACLs of a room. It may be asked by many at once. nil allows every server, as
// a room does that has none.
type List struct {
	denyLiterals bool
	deny, allow  *regexp.Regexp // nil matches nothing
}

// Parse reads the content of an m.room.server_acl. What is not of the right type in it
// counts as absent, so that a content which says nothing denies every server.
func Parse(content event.Value) *List {
	return &List{
		denyLiterals: string(content.Field("allow_ip_literals")) == "false",
		deny:         anyOf(content.Field("deny")),
		allow:        anyOf(content.Field("allow")),
	}
}

// anyOf matches the whole of what any of the globs matches.
func anyOf(globs event.Value) *regexp.Regexp {
	var alternatives []string
	patterns, _ := globs.Elements()
	for _, p := range patterns {
		if glob, isText := p.Text(); isText {
			alternatives = append(alternatives, expression(glob))
		}
	}
	if len(alternatives) == 0 {
		return nil
	}
	// A content of 64 KiB makes an expression of bounded size, which compiles.
	return regexp.MustCompile(`(?is)^(?:` + strings.Join(alternatives, "|") + `)$`)
}

// expression is the regular expression of a glob, in which * stands for any characters and
// ? for one (appendices, "Glob-style matching").
func expression(glob string) string {
	quoted := regexp.QuoteMeta(strings.ToValidUTF8(glob, "\uFFFD"))
	return strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(quoted)
}

// Allows tells whether a server may take part. Its port does not count.
func (l *List) Allows(server matrix.ServerName) bool {
	if l == nil {
		return true
	}
	host := server.WithoutPort()
	_, literal := host.IP()
	switch name := host.String(); {
	case literal && l.denyLiterals:
		return false
	case l.deny != nil && l.deny.MatchString(name):
		return false
	}
	return l.allow != nil && l.allow.MatchString(host.String())
}
