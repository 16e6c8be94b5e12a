package acl_test

import (
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/acl"
	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

func TestAllows(t *testing.T) {
	for _, tc := range []struct {
		content string
		server  matrix.ServerName
		want    bool
	}{
		{`{"allow":["*"]}`, "good.test", true},
		{`{"allow":["*"]}`, "1.2.3.4", true},
		{`{"allow":["*"],"allow_ip_literals":false}`, "1.2.3.4", false},
		{`{"allow":["*"],"allow_ip_literals":false}`, "1.2.3.4:8448", false},
		{`{"allow":["*"],"allow_ip_literals":false}`, "[2001:db8::1]:8448", false},
		{`{"allow":["*"],"allow_ip_literals":false}`, "good.test", true},
		{`{"allow":["*"],"allow_ip_literals":"false"}`, "1.2.3.4", true},
		{`{"allow":["*"],"deny":["evil.test"]}`, "evil.test", false},
		{`{"allow":["*"],"deny":["evil.test"]}`, "evil.test:8448", false},
		{`{"allow":["*"],"deny":["evil.test"]}`, "more.evil.test", true},
		{`{"allow":["*"],"deny":["EVIL.test"]}`, "evil.test", false},
		{`{"allow":["*"],"deny":["*.evil.test"]}`, "more.evil.test", false},
		{`{"allow":["*"],"deny":["*.evil.test"]}`, "evil.test", true},
		{`{"allow":["*"],"deny":["evi?.test"]}`, "evil.test", false},
		{`{"allow":["*"],"deny":["evi?.test"]}`, "evi.test", true},
		{`{"allow":["*"],"deny":["evil.test","(.*","[a","\\"]}`, "good.test", true},
		{`{"allow":["*"],"deny":["evilxtest"]}`, "evil.test", true},
		{`{"allow":["*"],"deny":["evil.test"]}`, "evilxtest", true},
		{`{"allow":["*"],"deny":[1,null,{}]}`, "good.test", true},
		{`{"allow":["*"],"deny":"*"}`, "good.test", true},
		{`{"allow":["good.test"]}`, "other.test", false},
		{`{"allow":["good.test","other.*"]}`, "other.test", true},
		{`{"allow":["a|good.test"]}`, "good.test", false},
		{`{"allow":"*"}`, "good.test", false},
		{`{}`, "good.test", false},
		{`{"deny":["evil.test"]}`, "good.test", false},
	} {
		canonical, err := event.Canonical([]byte(tc.content), true)
		if err != nil {
			t.Fatal(err)
		}
		if got := acl.Parse(canonical).Allows(tc.server); got != tc.want {
			t.Errorf("%s allows %s = %v, want %v", tc.content, tc.server, got, tc.want)
		}
	}
}

func TestNoList(t *testing.T) {
	if !(*acl.List)(nil).Allows("good.test") {
		t.Error("a room without server ACLs turns servers away")
	}
}

// As many patterns as an event holds, each as nasty as can be, compile and answer.
func TestManyPatterns(t *testing.T) {
	var globs []string
	for i := range 2000 {
		globs = append(globs, fmt.Sprintf(`"*%d*?*.test"`, i))
	}
	l := acl.Parse(event.Value(`{"allow":["*"],"deny":[` + strings.Join(globs, ",") + `]}`))
	if l.Allows("a1999bc.test") || !l.Allows("good.test") {
		t.Error("the list does not say what it has")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"allow":["*"],"deny":["?"]}`, "a")
	f.Add(`{"allow":["\ud800*"],"allow_ip_literals":false}`, "[::1]:1")
	f.Fuzz(func(t *testing.T, content, name string) {
		canonical, err := event.Canonical([]byte(content), false)
		if err != nil {
			return
		}
		server, err := matrix.ParseServerName(name)
		if err != nil {
			return
		}
		l := acl.Parse(canonical)
		if l.Allows(server) != l.Allows(server.WithoutPort()) {
			t.Errorf("%s: the port of %s counts", content, server)
		}
	})
}
