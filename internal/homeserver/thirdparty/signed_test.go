package thirdparty_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"signet/internal/fedclient"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
)

func TestParseSigned(t *testing.T) {
	good := idclienttest.Sign(t, idclienttest.Key, carol, "t", map[string]any{"sender": alice})
	s, err := thirdparty.ParseSigned([]byte(strings.Replace(good, "{", ` { "unsigned": {"x": 1}, `, 1)))
	if err != nil || s.User != carol || s.Token != "t" || string(s.JSON()) != good {
		t.Errorf("%+v, %s, %v", s, s.JSON(), err)
	}
	for _, bad := range []string{"", "null", "[]", "5", `"x"`, "{}", good + good, good[:len(good)-1],
		`{"mxid":"@a:b","token":"t"}`, `{"mxid":"@a:b","token":"t","signatures":5}`, `{"mxid":"@a:b","token":"t","signatures":{}}`, `{"mxid":"@a:b","token":"t","signatures":[1]}`,
		`{"mxid":"a:b","token":"t","signatures":{"x":{}}}`, `{"mxid":5,"token":"t","signatures":{"x":{}}}`, `{"mxid":"@a:b","token":5,"signatures":{"x":{}}}`,
		`{"mxid":"@a:b","token":"","signatures":{"x":{}}}`, `{"mxid":"@a:b","token":"t","x":1.5,"signatures":{"x":{}}}`, `{"mxid":"@a:b","token":"t","token":"t","signatures":{"x":{}}}`,
		`{"mxid":"@a:b","token":"` + strings.Repeat("x", 256) + `","signatures":{"x":{}}}`, `{"mxid":"@a:b","token":"t","x":"` + strings.Repeat("x", 8<<10) + `","signatures":{"x":{}}}`,
		`{"mxid":"@a:b","token":"a\u0000","signatures":{"x":{}}}`, "{\"mxid\":\"@a:b\",\"token\":\"\xff\",\"signatures\":{\"x\":{}}}",
	} {
		if s, err := thirdparty.ParseSigned([]byte(bad)); !errors.Is(err, thirdparty.ErrSigned) {
			t.Errorf("ParseSigned(%.80q) = %+v, %v", bad, s, err)
		}
	}
}

// What is read is of the right form, and what is written of it reads the same.
func FuzzParseSigned(f *testing.F) {
	f.Add([]byte(`{"mxid":"@a:b.test","token":"t","signatures":{"x":{"ed25519:0":"c2ln"}},"unsigned":{}}`))
	f.Add([]byte(`{"mxid":"@a:b","sender":"@c:d","token":"\u0001","signatures":{"":5}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := thirdparty.ParseSigned(raw)
		if err != nil {
			return
		}
		if _, err := matrix.ParseUserID(s.User.String()); err != nil || s.Token == "" || len(s.Token) > 255 {
			t.Errorf("read %q as %+v", raw, s)
		}
		again, err := thirdparty.ParseSigned(s.JSON())
		if err != nil || again.User != s.User || again.Token != s.Token || string(again.JSON()) != string(s.JSON()) {
			t.Errorf("%s reads as %+v, %v", s.JSON(), again, err)
		}
	})
}

// refusing dials nothing, and tells what it was to dial.
type refusing struct{ dialled []netip.AddrPort }

func (r *refusing) dial(_ context.Context, _ string, addr netip.AddrPort) (net.Conn, error) {
	r.dialled = append(r.dialled, addr)
	return nil, errors.New("no network")
}

func (r *refusing) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr(map[string]string{"inside.test": "192.168.0.1", "outside.test": "1.2.3.4", "here.test": "127.0.0.1"}[host])}, nil
}

func (r *refusing) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", nil, errors.New("no record")
}

// A key_validity_url that leads into a private network, by whatever name, is not followed there:
// no packet leaves, and nobody is invited.
func TestAKeyThatIsAskedForInside(t *testing.T) {
	each(t, func(w *world) {
		r := &refusing{}
		id, err := w.rooms.Create(t.Context(), room.Creation{Creator: alice})
		w.ok(err)
		invites := thirdparty.New(thirdparty.Options{DB: w.db, Rooms: w.rooms, Inviter: w.rooms, Remote: w.far, ServerName: here, Now: w.clock.Now,
			Identity: idclient.New(idclient.Options{Federation: fedclient.New(fedclient.Options{Resolver: r, Dial: r.dial})})})
		for host, dials := range map[string]int{"10.0.0.1": 0, "[::1]": 0, "127.0.0.1:8090": 0, "169.254.169.254": 0, "inside.test": 0, "here.test:8008": 0, "[::ffff:192.168.1.1]": 0, "outside.test": 1} {
			r.dialled = nil
			token := host
			_, err := w.rooms.Send(t.Context(), room.Sending{Room: id, Sender: alice, Type: "m.room.third_party_invite", StateKey: &token,
				Content: []byte(`{"display_name":"c","public_key":"` + idclienttest.Public(idclienttest.Key) + `","key_validity_url":"https://` + host + `/isvalid"}`)})
			w.ok(err)
			if err := invites.Exchange(t.Context(), w.claim(id, alice, token)); !errors.Is(err, thirdparty.ErrValidity) {
				t.Errorf("%s: %v", host, err)
			}
			if len(r.dialled) != dials {
				t.Errorf("%s: dialled %v", host, r.dialled)
			}
		}
		room, err := w.rooms.Room(id)
		w.ok(err)
		if is, err := w.rooms.MembershipNow(t.Context(), room, carol); err != nil || is != "" {
			t.Errorf("carol is %q, %v", is, err)
		}
	})
}
