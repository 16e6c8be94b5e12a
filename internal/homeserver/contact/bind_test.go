package contact_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/fedclient"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

// own is a binding by a session that a user has opened themselves, and shown the code in.
func (w *world) own(user matrix.UserID, idServer string, a threepid.Address) contact.Binding {
	sid := "own" + a.String()
	w.id.Sessions[sid] = map[string]any{"medium": string(a.Medium()), "address": a.String(), "validated_at": 1, "im.signet.caller": user.String()}
	w.id.Validated[sid] = true
	return contact.Binding{User: user, IDServer: idServer, Token: "tok", Session: idclient.Session{SID: sid, ClientSecret: "own"}}
}

func (w *world) bind(b contact.Binding) {
	w.Helper()
	if err := w.Bind(w.Context(), b); err != nil {
		w.Fatal(err)
	}
}

// Alice is found at two identity servers, until she is unbound there.
func TestBindAndUnbind(t *testing.T) {
	each(t, func(w *world) {
		w.bind(w.own(alice, "id.test", w.email()))
		w.bind(w.own(alice, "other.test", w.email()))
		w.bind(w.own(alice, "id.test", w.email())) // which changes nothing
		want := map[string]string{"id.test email alice@example.org": "@alice:hs.test", "other.test email alice@example.org": "@alice:hs.test"}
		if diff := cmp.Diff(want, w.id.Bound); diff != "" {
			t.Errorf("bound (- want, + got):\n%s", diff)
		}
		if w.of(alice) != nil {
			t.Errorf("binding gave alice's account %q", w.of(alice))
		}
		if err := w.Unbind(t.Context(), alice, "id.test", w.email()); err != nil {
			t.Error(err)
		}
		delete(want, "id.test email alice@example.org")
		if diff := cmp.Diff(want, w.id.Bound); diff != "" {
			t.Errorf("unbound at one (- want, + got):\n%s", diff)
		}
		w.Trusted = w.Trusted[:1] // where it is bound is known all the same
		if err := w.Unbind(t.Context(), alice, "", w.email()); err != nil || len(w.id.Bound) > 0 {
			t.Errorf("unbound where it is: %v, left is %q", err, w.id.Bound)
		}
		if err := w.Unbind(t.Context(), alice, "", w.email()); !errors.Is(err, contact.ErrNoSupport) {
			t.Errorf("unbound where nobody knows: %v", err)
		}
		if err := w.Unbind(t.Context(), alice, "id.test", w.email()); err != nil {
			t.Errorf("unbound where it is not bound: %v", err)
		}
		if w.rows() != "" {
			t.Errorf("left is %q", w.rows())
		}
	})
}

// Nobody is asked who is not trusted, and nobody as this server who is to be asked as the user.
func TestWhatIsNotBound(t *testing.T) {
	each(t, func(w *world) {
		good := w.own(alice, "id.test", w.email())
		for what, tt := range map[string]struct {
			change func(*contact.Binding)
			want   error
		}{
			"a server that is not trusted": {func(b *contact.Binding) { b.IDServer = "evil.test" }, idclient.ErrNotTrusted},
			"a server that is none":        {func(b *contact.Binding) { b.IDServer = "http://id.test" }, idclient.ErrIDServer},
			"no server":                    {func(b *contact.Binding) { b.IDServer = "" }, idclient.ErrIDServer},
			"no token":                     {func(b *contact.Binding) { b.Token = "" }, contact.ErrToken},
			"a header":                     {func(b *contact.Binding) { b.Token = "a\r\nX: y" }, contact.ErrToken},
			"a long token":                 {func(b *contact.Binding) { b.Token = strings.Repeat("a", 5000) }, contact.ErrToken},
		} {
			b := good
			tt.change(&b)
			if err := w.Bind(t.Context(), b); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", what, err, tt.want)
			}
		}
		for _, name := range []string{"evil.test", "http://id.test"} {
			if err := w.Unbind(t.Context(), alice, name, w.email()); err == nil {
				t.Errorf("unbound at %q", name)
			}
		}
		if len(w.id.Asked) > 0 {
			t.Errorf("asked %q", w.id.Asked)
		}
		w.ended[alice] = true
		if err := w.Bind(t.Context(), good); !errors.Is(err, contact.ErrEnded) || len(w.id.Bound) > 0 {
			t.Errorf("of an account that has ended: %v, bound is %q", err, w.id.Bound)
		}
		delete(w.ended, alice)
		refused := idclienttest.Refusal(403, "M_FORBIDDEN")
		w.id.Answers = func(asked string) *fedclient.Response {
			if strings.HasSuffix(asked, "/bind") {
				return &refused
			}
			return nil
		}
		if err := w.Bind(t.Context(), good); !errors.Is(err, fedclient.Refusal{Status: 403, Errcode: "M_FORBIDDEN", Message: "no"}) {
			t.Errorf("refused: %v", err)
		}
		if w.rows() != "" {
			t.Errorf("left is %q", w.rows())
		}
	})
}

// Where the answer does not come, or a gateway does not wait for it, nobody knows whether an
// address is bound: it counts as bound.
func TestABindingWithoutAnAnswer(t *testing.T) {
	each(t, func(w *world) {
		for _, status := range []int{200, 504} {
			w.id.Answers = func(asked string) *fedclient.Response {
				if strings.HasSuffix(asked, "/bind") {
					return &fedclient.Response{Status: status, Body: []byte("<html>")}
				}
				return nil
			}
			if err := w.Bind(t.Context(), w.own(alice, "id.test", w.email())); err == nil {
				t.Errorf("%d: bound", status)
			}
			w.id.Answers = nil
			w.id.Bound["id.test email alice@example.org"] = "@alice:hs.test"
			w.open()
			if err := w.Unbind(t.Context(), alice, "", w.email()); err != nil || len(w.id.Bound) > 0 {
				t.Errorf("%d: Unbind = %v, left is %q", status, err, w.id.Bound)
			}
		}
	})
}

func TestServersThatDoNotUnbind(t *testing.T) {
	each(t, func(w *world) {
		w.bind(w.own(alice, "id.test", w.email()))
		for _, says := range []fedclient.Response{idclienttest.Refusal(404, "M_UNRECOGNIZED"), idclienttest.Refusal(403, "M_FORBIDDEN")} {
			w.id.Says = &says
			if err := w.Unbind(t.Context(), alice, "", w.email()); !errors.Is(err, contact.ErrNoSupport) {
				t.Errorf("answered %d %s: %v", says.Status, says.Body, err)
			}
		}
		for _, says := range []fedclient.Response{idclienttest.Refusal(500, "M_UNKNOWN"), idclienttest.Refusal(429, "M_LIMIT_EXCEEDED"), {Status: 404, Body: []byte("nginx")}, {Status: 200, Body: []byte("x")}} {
			w.id.Says = &says
			w.later(w.Unbind(t.Context(), alice, "", w.email()))
			w.waiting(1)
		}
		w.id.Says = nil
		if err := w.Unbind(t.Context(), alice, "", w.email()); err != nil || len(w.id.Bound) > 0 {
			t.Errorf("in the end: %v, left is %q", err, w.id.Bound)
		}
	})
}
