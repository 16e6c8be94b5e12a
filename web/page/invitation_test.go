package page_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/keys"
	"signet/lookup/invite"
	invitewords "signet/lookup/invite/message"
	"signet/web/page"
)

// nobody is behind any address.
type nobody struct{}

func (nobody) UserOf(context.Context, threepid.Address) (matrix.UserID, bool, error) {
	return "", false, nil
}

// invitations are what is written to who is invited, read once: that takes as long as many a story.
var invitations = sync.OnceValues(func() (*invitewords.Words, error) { return invitewords.New("", "id.example.org", "127.0.0.1") })

func (w *world) openInvites(vault *seal.Vault, budgets *quota.Quota) {
	w.Helper()
	words, err := invitations()
	w.must(err)
	ring := keyringtest.Open(w, w.db, vault, w.clock.Now, keyring.Association)
	w.invites, err = invite.New(w.Context(), invite.Options{
		DB: w.db, Vault: vault, Outbox: w.outbox, Quota: budgets, Bindings: nobody{}, Signer: &keys.Server{Name: "id.example.org", Ring: ring}, Words: words,
		Email: w.post, Name: "id.example.org", ExpireAfter: 7 * 24 * time.Hour, Now: w.clock.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Links: invite.Links{
			Page:  func(token, key string) string { return w.srv.URL + page.InvitationLink(token, key) },
			Short: func(token, key string) string { return w.srv.URL + page.ShortInvitationLink(token, key) },
			Never: func(token string) string { return w.srv.URL + page.NeverPath(token) },
		},
	})
	w.must(err)
}

// invited is the token, the proof of the key, and the "never again" path of an invitation
// by a stranger who is called like markup.
func (w *world) invited(change ...func(*invite.Request)) (token, proof, never string) {
	w.Helper()
	address, err := threepid.ParseEmail("dora@example.org")
	w.must(err)
	r := invite.Request{Address: address, Sender: "@bob:example.com", Room: "!tea:example.com", SenderName: "<b>Bob</b>", RoomName: "Tea & cake"}
	for _, c := range change {
		c(&r)
	}
	w.clock.Advance(time.Millisecond) // the newest is told from others by the time
	_, err = w.invites.Store(w.Context(), r)
	w.must(err)
	w.outbox.AttemptDue(w.Context())
	m := w.newestMail()
	found := regexp.MustCompile(`#token=([\w-]{22})&key=([\w-]{43})`).FindStringSubmatch(m.Text)
	if found == nil {
		w.Fatalf("the message has no link:\n%s", m.Text)
	}
	sum := sha256.Sum256([]byte(found[2]))
	return found[1], base64.RawURLEncoding.EncodeToString(sum[:]), strings.TrimPrefix(m.Unsubscribe, w.srv.URL)
}

func (w *world) refusing(never string) bool {
	w.Helper()
	since, err := w.invites.Refusing(w.Context(), strings.TrimPrefix(never, page.NeverPath("")))
	w.must(err)
	return !since.IsZero()
}

// The page of a link tells nothing by itself: what it is about stands in the fragment.
func TestThePageOfAnInvitation(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/invitation", "/i"} {
		r := w.get(path).says(http.StatusOK, "You are invited", "only a script of this page can read it", "id.example.org as its identity server")
		if form := r.one("form"); !has(form, "hidden") || attr(form, "action") != "/invitation" {
			t.Errorf("%s shows its button without a script", path)
		}
		js := w.get(attr(r.one("script"), "src"))
		if js.StatusCode != http.StatusOK || js.Header.Get("Content-Type") != "text/javascript; charset=utf-8" || !strings.Contains(js.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("the script = %d, %v", js.StatusCode, js.Header)
		}
	}
	if r := w.get("/_signet/invitation.js"); r.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("the script without its version is kept: %q", r.Header.Get("Cache-Control"))
	}
}

// A name does not pass for the id of somebody else, which would stand before the true one.
func TestANameThatPassesForAnID(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"@boss:corp.example", "＠boss:corp.example", "x (@boss:corp.org)"} {
		token, proof, _ := w.invited(func(r *invite.Request) { r.SenderName = name })
		shown := w.send("/invitation", values("token", token, "proof", proof)).says(http.StatusOK, "@bob:example.com")
		if strings.Contains(shown.body, "@boss") || strings.Contains(shown.body, "＠") {
			t.Errorf("%q stands on the page as it is", name)
		}
	}
}

// Whoever has the message sees who invites where, and what to do; nobody else does.
func TestWhoInvitesWhere(t *testing.T) {
	w := newWorld(t, func(o *page.Options) { o.SignUp = "https://app.example.org/register" })
	token, proof, never := w.invited()
	shown := w.send("/invitation", values("token", token, "proof", proof)).
		says(http.StatusOK, "<b>Bob</b>", "@bob:example.com", "Tea & cake", "a room", "How to accept", "Sign up at app.example.org", "does not check them")
	if to := shown.linkNamed("Sign up at app.example.org"); to != "https://app.example.org/register" {
		t.Errorf("the link goes to %q", to)
	}
	if !slices.Contains(shown.leads(), never) {
		t.Errorf("the page does not lead to %q", never)
	}
	if !strings.Contains(shown.body, `<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">`) {
		t.Error("browsers may make links of what strangers wrote")
	}
	if strings.Contains(shown.body, "dora") {
		t.Error("the page tells the address")
	}
	for _, bad := range []url.Values{values(), values("token", token), values("token", token, "proof", token), values("token", "x", "proof", proof), values("token", token, "proof", "")} {
		r := w.send("/invitation", bad).says(http.StatusNotFound, "We do not know this invitation")
		if strings.Contains(r.body, "Bob") {
			t.Error("a stranger is told")
		}
	}
	w.send("/invitation", values("token", "\xff")).says(http.StatusBadRequest)
	w.clock.Advance(8 * 24 * time.Hour)
	w.send("/invitation", values("token", token, "proof", proof)).says(http.StatusOK, "does not count any more")
}

func TestNoMoreInvitations(t *testing.T) {
	w := newWorld(t)
	_, _, never := w.invited()
	asked := w.get(never).says(http.StatusOK, "No more invitations", "whoever they are from")
	done := asked.press("").says(http.StatusOK, "Since 14 November 2023 we send no invitations")
	if !w.refusing(never) {
		t.Error("invitations still come")
	}
	w.get(never).says(http.StatusOK, "Since 14 November 2023")
	done.press("").says(http.StatusOK, "If you press the button")
	if w.refusing(never) {
		t.Error("invitations do not come again")
	}
}

// A mail program asks at its user's wish, in the form of RFC 8058, from no page and with
// no cookie; browsers on another site's errand do not.
func TestOneClick(t *testing.T) {
	w := newWorld(t)
	_, _, never := w.invited()
	w.request(http.MethodPost, never, "List-Unsubscribe=One-Click", "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site").says(http.StatusForbidden)
	if w.refusing(never) {
		t.Error("another site has stopped invitations")
	}
	for body, kind := range map[string]string{
		"List-Unsubscribe=One-Click": "application/x-www-form-urlencoded",
		"--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n": "multipart/form-data; boundary=x",
	} {
		w.request(http.MethodPost, never, body, "Content-Type", kind).says(http.StatusOK, "we send no invitations")
		if !w.refusing(never) {
			t.Errorf("invitations still come, asked by %s", kind)
		}
		w.must(w.invites.Allow(w.Context(), strings.TrimPrefix(never, page.NeverPath(""))))
	}
}

func TestANeverLinkThatIsNone(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{page.NeverPath("x"), page.NeverPath(`"><script>`)} {
		w.get(path).says(http.StatusNotFound, "We do not know this invitation")
		w.send(path, nil).says(http.StatusNotFound, "We do not know this invitation")
		w.send(path+"/allow", nil).says(http.StatusNotFound, "We do not know this invitation")
		if r := w.get(path + "/allow?lang=de"); r.StatusCode != http.StatusSeeOther {
			t.Errorf("GET allow = %d", r.StatusCode)
		}
	}
}

// A program that opens every address of an invitation's message, and what those name in
// turn, changes nothing.
func TestAScannerReadsAnInvitation(t *testing.T) {
	w := newWorld(t)
	_, _, never := w.invited()
	before := w.dumped()
	mail := w.newestMail()
	todo := append(mailed.FindAllString(mail.Text, -1), anchors.FindAllString(mail.HTML, -1)...)
	todo = append(todo, mail.Unsubscribe)
	if len(todo) != 6 {
		t.Fatalf("the message has the links %q", todo)
	}
	seen := map[string]bool{}
	for len(todo) > 0 {
		path, _, _ := strings.Cut(strings.TrimPrefix(todo[0], w.srv.URL), "#")
		todo = todo[1:]
		if seen[path] || !strings.HasPrefix(path, "/") || len(seen) > 60 {
			continue
		}
		seen[path] = true
		for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodOptions} {
			if r := w.request(method, path, ""); method == http.MethodGet && strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
				todo = append(todo, r.leads()...)
			}
		}
	}
	if w.refusing(never) || w.dumped() != before || len(seen) < 10 {
		t.Errorf("after %d links something has changed", len(seen))
	}
}

// dumped is all that is kept of invitations.
func (w *world) dumped() string {
	w.Helper()
	return storetest.Dump(w.T, w.db, "invite_invitations", "invite_refusals", "invite_servers")
}

func seeInvitations(w *world, all map[string]*reply) {
	all["invitation"] = w.get("/invitation")
	token, proof, never := w.invited()
	all["invited to a room"] = w.send("/invitation", values("token", token, "proof", proof, "lang", w.reader.String()))
	all["never"] = w.get(never)
	all["never again"] = all["never"].press("")
	all["allowed again"] = all["never again"].press("")
	all["no invitation"] = w.get(page.NeverPath("x"))
	space, spaceProof, _ := w.invited(func(r *invite.Request) { r.RoomType, r.SenderName, r.RoomName = "m.space", "", "" })
	all["invited to a space"] = w.send("/invitation", values("token", space, "proof", spaceProof, "lang", w.reader.String()))
	w.must(w.invites.Revoke(w.Context(), "@bob:example.com", w.newestInvitation()))
	all["revoked"] = w.send("/invitation", values("token", space, "proof", spaceProof, "lang", w.reader.String()))
}

func (w *world) newestInvitation() string {
	w.Helper()
	list, err := w.invites.List(w.Context(), "@bob:example.com")
	w.must(err)
	return list[0].ID
}
