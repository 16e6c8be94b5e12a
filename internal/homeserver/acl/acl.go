package acl

import (
	"sync"

	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// List is the ACLs of a room. It may be asked by many at once. nil allows every server, as
// a room does that has none.
type List struct {
	denyLiterals bool
	deny, allow  globs

	mu   sync.Mutex // guards said
	said map[string]bool
}

// Parse reads the content of an m.room.server_acl. What is not of the right type in it
// counts as absent, so that a content which says nothing denies every server.
func Parse(content event.Value) *List {
	return &List{
		denyLiterals: string(content.Field("allow_ip_literals")) == "false",
		deny:         globsOf(content.Field("deny")),
		allow:        globsOf(content.Field("allow")),
	}
}

// Allows tells whether a server may take part. Its port does not count.
func (l *List) Allows(server matrix.ServerName) bool {
	if l == nil {
		return true
	}
	host := server.WithoutPort()
	_, literal := host.IP()
	if literal && l.denyLiterals {
		return false
	}
	return l.says(host.String())
}

// maxSaid is of how many names it is remembered what the patterns say. It is forgotten whole
// when it is full.
const maxSaid = 1000

// says is what the patterns say of a name, which need not be looked for each time.
func (l *List) says(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	allows, known := l.said[name]
	if known {
		return allows
	}
	if allows = !l.deny.match(name) && l.allow.match(name); l.said == nil || len(l.said) >= maxSaid {
		l.said = map[string]bool{}
	}
	l.said[name] = allows
	return allows
}
