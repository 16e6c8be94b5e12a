package page_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"golang.org/x/net/html"

	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/threepid"
	"signet/keys"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/log/keeper/keepertest"
	"signet/keys/people"
	"signet/keys/people/feed"
	"signet/keys/proof"
	"signet/keys/vrf"
	"signet/verify"
	"signet/web/page"
)

func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// openPeople opens the log of people's keys, which nobody seals but seal.
func (w *world) openPeople(vault *seal.Vault, own *keys.Server) {
	w.Helper()
	hides, err := vrf.NewPrivateKey(keyOf("vrf").Seed())
	w.must(err)
	guard := log.NewFileGuard(filepath.Join(w.TempDir(), "guard"), people.Origin(own.Name))
	w.people, err = people.Open(w.Context(), people.Options{DB: w.db, Vault: vault, Name: own.Name, Keys: keepertest.Fixed(keyOf("log")), VRF: hides,
		Guard: guard, Signer: own, Feed: feed.Lookup{Directory: w.directory}, Proofs: w.verifier, Now: w.clock.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	w.must(err)
	w.directory.Holders["keys"], w.directory.UserHolders["keys"] = w.people, w.people
	w.config, err = w.people.Trust(w.Context())
	w.must(err)
	w.config.Server = own.Name
}

func (w *world) trust(ctx context.Context) (proof.Config, error) {
	c := w.config
	list, err := w.ring.List(ctx)
	c.Keys = map[matrix.KeyID]proof.Hash{}
	for _, k := range list {
		c.Keys[k.ID] = proof.Hash(k.Public)
	}
	return c, err
}

// seal puts into the log what waits, a second later.
func (w *world) seal() {
	w.Helper()
	w.clock.Advance(time.Second)
	_, err := w.people.Tiles().Seal(w.Context())
	w.must(err)
}

// unbind takes an address back, as an app does.
func (w *world) unbind(address string, user matrix.UserID) {
	w.Helper()
	a, err := threepid.ParseEmail(address)
	w.must(err)
	w.must(w.directory.Unbind(w.Context(), a, user))
}

// publish publishes keys of alice's address, by the name of the master key; none revokes. old
// is the key that signs as the previous one; empty for none.
func (w *world) publish(version int, name, old string) people.Ticket {
	w.Helper()
	o := map[string]any{"type": "im.signet.keys.user.v1", "label": "email:alice@example.org", "version": version, "keys": map[string]string{},
		"not_before": w.clock.Now().UnixMilli(), "mxid": "@alice:example.org"}
	if version == 0 {
		o["not_after"] = w.clock.Now().AddDate(1, 0, 0).UnixMilli()
	} else {
		l, err := entry.ParseLabel("email:alice@example.org")
		w.must(err)
		newest, err := w.people.Lookup(w.Context(), l, 0)
		w.must(err)
		if !strings.Contains(string(newest.Value), "erased") {
			sum := sha256.Sum256(newest.Value)
			o["prev"] = base64.RawURLEncoding.EncodeToString(sum[:])
		}
	}
	public := func(of string) string {
		return matrix.EncodeBase64(keyOf(of).Public().(ed25519.PublicKey))
	}
	if name == "" {
		o["revoked"] = "lost <b>it</b>"
	} else {
		o["keys"] = map[string]string{"ed25519:master": public(name), "ed25519:PHONE": public(name + " phone"), "ed25519:self_signing": public(name + " self")}
	}
	unsigned := w.canonical(o)
	by := func(of string) string { return matrix.EncodeBase64(ed25519.Sign(keyOf(of), unsigned)) }
	signatures := map[string]any{}
	if name != "" {
		signatures["self"] = map[string]string{"ed25519:master": by(name), "ed25519:PHONE": by(name + " phone"), "ed25519:self_signing": by(name + " self")}
	}
	if old != "" {
		signatures["prev"] = map[string]string{"ed25519:master": by(old)}
	}
	if len(signatures) > 0 {
		o["signatures"] = signatures
	}
	right, err := people.ByProof(w.proofOf("alice@example.org", "@alice:example.org"))
	w.must(err)
	ticket, err := w.people.Publish(w.Context(), right, w.canonical(o))
	w.must(err)
	return ticket
}

func (w *world) canonical(v any) []byte {
	w.Helper()
	b, err := jsonv2.Marshal(v, jsonv2.Deterministic(true))
	w.must(err)
	return b
}

// proofOf shows control of an address, as an app does.
func (w *world) proofOf(address string, user matrix.UserID) verify.Proof {
	w.Helper()
	a, err := threepid.ParseEmail(address)
	w.must(err)
	r := verify.Request{Address: a, ClientSecret: rand.Text(), Caller: verify.Account(user), SendAttempt: 1}
	sid, err := w.verifier.Request(w.Context(), r)
	w.must(err)
	c := verify.Credentials{SID: sid, ClientSecret: r.ClientSecret}
	code, _ := w.lastEmail()
	w.must(w.verifier.Submit(w.Context(), c, r.Caller, code))
	p, err := w.verifier.Prove(w.Context(), c, r.Caller)
	w.must(err)
	return p
}

// part is the section of the page with that heading.
func (r *reply) part(id string) *html.Node {
	r.Helper()
	for _, s := range r.all("section") {
		if attr(s, "aria-labelledby") == id {
			return s
		}
	}
	r.Fatalf("the page has no part %q:\n%s", id, r.body)
	return nil
}

// told is the entries of the history, each as a reader sees it.
func (r *reply) told() (all []string) {
	r.Helper()
	for n := range r.part("history-title").Descendants() {
		if n.Type == html.ElementNode && n.Data == "ol" {
			for li := range n.ChildNodes() {
				if li.Type == html.ElementNode {
					all = append(all, words(li))
				}
			}
		}
	}
	return all
}

// wantTold checks each entry: words that it has, apart from the others.
func (r *reply) wantTold(wants ...[]string) *reply {
	r.Helper()
	got := r.told()
	if len(got) != len(wants) {
		r.Fatalf("the history has %d entries, want %d:\n%s", len(got), len(wants), strings.Join(got, "\n"))
	}
	for i, want := range wants {
		for _, has := range append(want, "Proof checked.") {
			if !strings.Contains(got[i], has) {
				r.Errorf("entry %d of the history is %q, want %q in it", i, got[i], has)
			}
		}
	}
	return r
}

func grouped(name string) string {
	text := matrix.EncodeBase64(keyOf(name).Public().(ed25519.PublicKey))
	var parts []string
	for len(text) > 4 {
		parts, text = append(parts, text[:4]), text[4:]
	}
	return strings.Join(append(parts, text), " ")
}

// All that was ever published about an address is shown to its owner, the newest first, each
// with whom the keys name, which need not be who is found, with its place in the log, and the
// checkpoint by which it was verified.
func TestTheHistoryOfAnAddress(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	w.seal()
	w.publish(0, "a0", "")
	w.seal()
	w.unbind("alice@example.org", "@alice:example.org")
	w.publish(1, "a1", "a0")
	w.seal()
	w.bound("alice@example.org", "@mallory:example.org")
	w.seal()
	w.publish(2, "thief", "")
	w.clock.Advance(24 * time.Hour)
	w.seal()
	w.publish(3, "", "thief")
	w.seal()
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "All is well", "idserver verify --server https://id.example.org -- 'alice@example.org'")
	shown.wantTold(
		[]string{"Keys ·", "15 November 2023", "Keys revoked", "Reason given: lost <b>it</b>"},
		[]string{"Keys ·", "14 November 2023", "Keys replaced without the old key", "Account @alice:example.org ed25519:master " + grouped("thief")},
		[]string{"Matrix account ·", "Connected with @mallory:example.org"},
		[]string{"Matrix account ·", "Disconnected: no account is found any more"},
		[]string{"Keys ·", "Keys replaced, signed by the old key", "ed25519:master " + grouped("a1"), "2 more keys", "ed25519:PHONE " + grouped("a1 phone")},
		[]string{"Keys ·", "Keys published", "Account @alice:example.org Until 14 November 2024 22:13 UTC ed25519:master " + grouped("a0"), "Entry 3 of the log."},
		[]string{"Matrix account · 14 November 2023 22:13 UTC", "Connected with @alice:example.org", "Entry 1 of the log."},
	)
	checkpoint, err := w.people.Tiles().Checkpoint(w.Context())
	w.must(err)
	section := words(shown.part("history-title"))
	for _, want := range []string{checkpoint.Hash.String(), fmt.Sprintf("Entries in the log %d", checkpoint.N), "Checkpoint of 15 November 2023", "6 ladder: the label has 4 versions"} {
		if !strings.Contains(section, want) {
			t.Errorf("the history does not say %q:\n%s", want, section)
		}
	}
	if grave := strings.Count(shown.body, "grave-event"); grave != 1 {
		t.Errorf("%d entries are marked, want that without the old key", grave)
	}
}

// A history of any length can be read to its beginning, in parts that do not leave an entry out,
// each verified.
func TestALongHistoryIsReadInParts(t *testing.T) {
	w := newWorld(t)
	const times = 62 // 124 versions, 50 at a time
	for i := range times {
		w.bound("alice@example.org", matrix.UserID(fmt.Sprintf("@alice%d:example.org", i)))
		w.unbind("alice@example.org", matrix.UserID(fmt.Sprintf("@alice%d:example.org", i)))
	}
	w.publish(0, "a0", "")
	w.seal()
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "this is a part of a long history", "6 ladder: versions 73 to 123 of the label")
	var users, sizes []string
	for _, button := range []string{"Older entries", "Older entries", "Newer entries"} {
		sizes = append(sizes, fmt.Sprint(len(shown.told())))
		users = append(users, shown.told()...)
		shown = shown.pressButton(button).says(http.StatusOK, "this is a part of a long history")
	}
	if got := strings.Join(sizes, " "); got != "51 50 24" {
		t.Errorf("parts of %s entries, want 50 bindings and one publication, 50, and the rest", got)
	}
	for i := range times {
		if n := strings.Count(strings.Join(users, "\n"), fmt.Sprintf("Connected with @alice%d:", i)); n != 1 {
			t.Errorf("that @alice%d was bound is told %d times", i, n)
		}
	}
	if got := len(shown.told()); got != 50 {
		t.Errorf("back from the oldest are %d entries, want 50", got)
	}
	fields := shown.fields()
	for back, status := range map[string]int{"2": 200, "99": 200, "-1": 400, "x": 400, "99999999999999999999": 400} {
		fields.Set("back", back)
		w.send(ownerForm, fields).says(status)
	}
	fields.Set("back", "99")
	if got := len(w.send(ownerForm, fields).told()); got != 51 {
		t.Errorf("from beyond the oldest one comes to %d entries, want the newest 51", got)
	}
}

// pressButton presses the button with that text.
func (r *reply) pressButton(text string) *reply {
	r.Helper()
	for _, f := range r.all("form") {
		fields, found := make(url.Values), false
		for n := range f.Descendants() {
			if n.Data == "input" && attr(n, "type") == "hidden" {
				fields.Set(attr(n, "name"), attr(n, "value"))
			}
			found = found || n.Data == "button" && words(n) == text
		}
		if found {
			return r.send(attr(f, "action"), fields)
		}
	}
	r.Fatalf("the page has no button %q", text)
	return nil
}

func TestAnAddressWithoutAHistory(t *testing.T) {
	w := newWorld(t)
	w.ownerOf("nobody@example.org").says(http.StatusOK, "It will be in the log in a moment") // as there is none yet
	w.seal()
	r := w.ownerOf("nobody@example.org").says(http.StatusOK, "There is nothing about this address in the log, and that was checked.").wantTold()
	if strings.Contains(words(r.part("history-title")), "in a moment") {
		t.Error("the log is said to be behind")
	}
	w.ownerOf("o'neil@example.org").says(http.StatusOK, `idserver verify --server https://id.example.org -- 'o'\''neil@example.org'`)
	without := newWorld(t, func(o *page.Options) { o.Log = nil })
	shown := without.ownerOf("alice@example.org")
	if strings.Contains(shown.body, "history-title") {
		t.Error("without a log there is a history")
	}
	shown.send(ownerForm+"/discard", shown.fields()).says(http.StatusMethodNotAllowed)
}

// What has just changed is in the log a moment later.
func TestAHistoryThatIsBehind(t *testing.T) {
	w := newWorld(t)
	w.seal()
	w.bound("alice@example.org", "@alice:example.org")
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "@alice:example.org", "It will be in the log in a moment").wantTold()
	w.seal()
	shown = shown.press(ownerForm)
	shown.wantTold([]string{"Connected with @alice:example.org"})
	for _, change := range []func(){func() { w.unbind("alice@example.org", "@alice:example.org") }, func() { w.publish(0, "a0", "") }} {
		if strings.Contains(words(shown.part("history-title")), "in a moment") {
			t.Error("the log is said to be behind")
		}
		change()
		shown.press(ownerForm).says(http.StatusOK, "It will be in the log in a moment")
		w.seal()
		shown = shown.press(ownerForm).says(http.StatusOK, "All is well")
	}
}

// Keys go on to name whom they have named when the address is taken back or another's, and
// whoever asks for them learns that: the owner is told.
func TestKeysThatNameAnother(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	w.publish(0, "a0", "")
	w.seal()
	const tells = "The keys published for this address name @alice:example.org"
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "All is well")
	if strings.Contains(words(shown.doc), tells) {
		t.Error("of keys of who is found the page warns")
	}
	shown = shown.press(ownerForm+"/unbind").says(http.StatusOK, "Done. No account is found by this address any more", tells)
	w.bound("alice@example.org", "@mallory:example.org")
	w.seal()
	shown = shown.press(ownerForm).says(http.StatusOK, "Connected with @mallory:example.org", tells)
	w.publish(1, "", "a0")
	w.seal()
	if shown = shown.press(ownerForm).says(http.StatusOK, "Keys revoked"); strings.Contains(words(shown.doc), tells) {
		t.Error("of keys that are revoked the page warns")
	}
}

// What was erased is told as far as it is known: that something stood there.
func TestTheHistoryOfWhatWasErased(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	w.publish(0, "a0", "")
	w.seal()
	w.ownerOf("alice@example.org").press(ownerForm+"/erase", "sure", "1").says(http.StatusOK, "Erased")
	w.seal()
	w.clock.Advance(25 * time.Hour)
	w.seal()
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "All is well").wantTold(
		[]string{"Erased: everything before this"}, []string{"Erased: everything before this"},
		[]string{"the time was erased", "Erased: only that something stood here is left"}, []string{"the time was erased"},
	)
	if strings.Contains(shown.body, "@alice:") || strings.Contains(shown.body, grouped("a0")) {
		t.Error("what was erased is shown")
	}
	w.bound("alice@example.org", "@alice:example.org")
	w.seal()
	if told := w.ownerOf("alice@example.org").says(http.StatusOK, "All is well").told(); len(told) != 5 || !strings.Contains(told[0], "Connected with @alice") {
		t.Errorf("who comes back has the history %q", told)
	}
}

// What an owner may do does not wait for the log, which answers nothing any more when an older
// database was put back: not even what was just done would be told otherwise.
func TestAnOwnersPageWithoutItsLog(t *testing.T) {
	silent := &liar{}
	w := newWorld(t, func(o *page.Options) { silent.Log, o.Log = o.Log, silent })
	w.bound("alice@example.org", "@alice:example.org")
	w.publish(0, "a0", "")
	w.seal()
	w.publish(1, "thief", "")
	silent.err = log.ErrRolledBack
	const unread = "The history cannot be read just now"
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "@alice:example.org", unread, "New keys are waiting")
	section := words(shown.part("history-title"))
	for _, untrue := range []string{"All is well", "could not be confirmed", "in a moment", "nothing about this address", "Entries in the log"} {
		if strings.Contains(section, untrue) {
			t.Errorf("of a history that was not read the page says %q:\n%s", untrue, section)
		}
	}
	shown.press(ownerForm+"/discard").says(http.StatusOK, "The new keys are discarded", unread)
	shown.press(ownerForm+"/unbind").says(http.StatusOK, "Done. No account is found by this address any more", unread)
	shown.press(ownerForm+"/erase").says(http.StatusBadRequest, unread)
	shown.press(ownerForm+"/erase", "sure", "1").says(http.StatusOK, "Erased")
	silent.err = nil
	w.seal()
	w.ownerOf("alice@example.org").says(http.StatusOK, "All is well")
}

// Who loads the page again and again is shown no more of what costs the server much, and can do
// all else.
func TestAHistoryIsPaidFor(t *testing.T) {
	budget := &liar{left: new(2 * 2)}
	w := newWorld(t, func(o *page.Options) { budget.Log, o.Log = o.Log, budget })
	w.bound("alice@example.org", "@alice:example.org")
	w.seal()
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "All is well")
	shown = shown.press(ownerForm).says(http.StatusOK, "All is well")
	shown = shown.press(ownerForm).says(http.StatusOK, "The history cannot be read just now", "@alice:example.org")
	shown.press(ownerForm+"/unbind").says(http.StatusOK, "Done. No account is found by this address any more")
}

// Who reads on in a long history does not pay for one that has nothing so far back.
func TestWhatIsNotShownIsNotPaidFor(t *testing.T) {
	budget := &liar{left: new(2 + 1)}
	w := newWorld(t, func(o *page.Options) { budget.Log, o.Log = o.Log, budget })
	for i := range 26 {
		user := matrix.UserID(fmt.Sprintf("@alice%d:example.org", i))
		w.bound("alice@example.org", user)
		w.unbind("alice@example.org", user)
	}
	w.publish(0, "a0", "")
	w.seal()
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "this is a part of a long history")
	if n := len(shown.pressButton("Older entries").told()); n != 2 {
		t.Errorf("%d older entries are shown, want 2", n)
	}
}

// exec changes the tables, as somebody who has them does.
func (w *world) exec(statement string) {
	w.Helper()
	_, err := w.db.Exec(w.Context(), statement)
	w.must(err)
}

// wantRefused checks that a history is not shown, and why.
func (r *reply) wantRefused(name, why string) {
	r.Helper()
	section := words(r.part("history-title"))
	if r.StatusCode != http.StatusOK || !strings.Contains(section, "This history could not be confirmed.") || !strings.Contains(section, why) {
		r.Errorf("%s: status %d, want %q in\n%s", name, r.StatusCode, why, section)
	}
	if len(r.told()) != 0 || strings.Contains(section, "All is well") || strings.Contains(section, "Connected") {
		r.Errorf("%s: it is shown all the same:\n%s", name, section)
	}
	if stale, accused := strings.Contains(section, "not from the last hour"), strings.Contains(section, "does not fit its log"); stale != strings.Contains(why, "3 times") || accused == stale {
		r.Errorf("%s: the page says that it is stale: %t, that it does not fit: %t\n%s", name, stale, accused, section)
	}
	loud := false
	for n := range r.part("history-title").Descendants() {
		loud = loud || attr(n, "role") == "alert" && strings.Contains(words(n), "could not be confirmed")
	}
	if !loud {
		r.Errorf("%s: it is not an alert", name)
	}
}
