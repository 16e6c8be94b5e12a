package publication_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/publication"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/userdata"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/value"
)

const (
	alice matrix.UserID = "@alice:hs.test"
	bob   matrix.UserID = "@bob:hs.test"
)

// world is a homeserver where people upload keys and say what they want, with a directory.
type world struct {
	*testing.T
	*publication.Publications
	db         *store.DB
	stream     *stream.Committer
	data       *userdata.Data
	encryption *e2ee.Encryption
	directory  *directory
	clock      *clocktest.Clock
	log        bytes.Buffer
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"stream", "userdata", "e2ee", "publication"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, db: db, clock: clocktest.New()}
		w.directory = &directory{clock: w.clock, standing: map[matrix.UserID][][]byte{}, held: map[matrix.UserID]held{}}
		w.open("https://id.test")
		story(w)
		w.check()
	})
}

// open is the server as it starts, with an identity server or, for an empty URL, none.
func (w *world) open(identityServer string) {
	w.Helper()
	trusted, err := idclient.ParseTrusted(identityServer, []string{"id.test"})
	w.must(err)
	at := trusted[0]
	if identityServer == "" {
		at = idclient.Server{}
	}
	w.stream, err = stream.Open(w.Context(), w.db)
	w.must(err)
	w.Publications = publication.New(publication.Options{DB: w.db, Stream: w.stream, At: at, Trusted: trusted, Now: w.clock.Now,
		Log: slog.New(slog.NewTextHandler(&w.log, nil))})
	w.data = userdata.New(userdata.Options{DB: w.db, Committer: w.stream, Now: w.clock.Now})
	w.data.Heeded = map[string]userdata.Heed{publication.ConsentType: w.Consented}
	w.encryption, err = e2ee.New(w.Context(), e2ee.Options{DB: w.db, Stream: w.stream, ServerName: "hs.test", Now: w.clock.Now, Devices: nobody{}, CrossSigned: w.CrossSigned})
	w.must(err)
	w.Identity, w.Directory, w.Keys = w.directory, w.directory, w.encryption
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.stream.Run(ctx) }()
	w.Cleanup(func() { stop(); w.must(<-ended) })
}

// nobody has a device.
type nobody struct{}

func (nobody) Devices(context.Context, store.Queryer, matrix.UserID) ([]e2ee.KnownDevice, error) {
	return nil, nil
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// check states that the log names nobody's keys, and that what is kept is of those who agree or
// are being erased.
func (w *world) check() {
	w.Helper()
	if text := w.log.String(); strings.Contains(text, e2eetest.Name(e2eetest.NewIdentity(alice, 1).Master)) {
		w.Errorf("a key stands in the log: %s", text)
	}
	var n int
	w.must(w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM publication_keys WHERE user_id NOT IN (SELECT user_id FROM publication_wishes)`).Scan(&n))
	if n > 0 {
		w.Errorf("%d keys are kept of people who wish nothing", n)
	}
}

func (w *world) rows() string {
	w.Helper()
	return storetest.Dump(w.T, w.db, "publication_wishes", "publication_keys")
}

// says is what a user's client writes.
func (w *world) says(user matrix.UserID, content string) {
	w.Helper()
	w.must(w.data.SetAccountData(w.Context(), userdata.Place{User: user}, publication.ConsentType, jsontext.Value(content)))
}

func (w *world) agrees(user matrix.UserID)    { w.Helper(); w.says(user, `{"publish":true}`) }
func (w *world) withdraws(user matrix.UserID) { w.Helper(); w.says(user, `{"publish":false}`) }

// uploads is a user's n-th set of keys.
func (w *world) uploads(user matrix.UserID, n int) {
	w.Helper()
	who := e2eetest.NewIdentity(user, n)
	w.must(w.encryption.UploadCrossSigning(w.Context(), user, e2ee.CrossSigningUpload{Master: who.MasterKey(), SelfSigning: who.SelfSigningKey(), UserSigning: who.UserSigningKey()},
		func(context.Context) (func(context.Context, *store.Tx) error, error) {
			return func(context.Context, *store.Tx) error { return nil }, nil
		}))
}

// fulfils is a round, in which something fails or not.
func (w *world) fulfils(fails bool) {
	w.Helper()
	if err := w.Fulfil(w.Context()); (err != nil) != fails {
		w.Fatalf("Fulfil = %v, which fails: %v", err, fails)
	}
}

// after is a round after so long.
func (w *world) after(d time.Duration) {
	w.Helper()
	w.clock.Advance(d)
	w.fulfils(false)
}

// is checks what a user is shown.
func (w *world) is(user matrix.UserID, phase publication.Phase, version int64) publication.State {
	w.Helper()
	s, err := w.State(w.Context(), user)
	w.must(err)
	if s.Phase != phase || s.Version != version {
		w.Errorf("%s is shown %+v, want %s, version %d", user, s, phase, version)
	}
	return s
}

// stands checks whose set of keys stands in the directory, 0 for none, as which version.
func (w *world) stands(user matrix.UserID, n int, version uint32) {
	w.Helper()
	f, err := w.directory.Lookup(w.Context(), "mxid:"+user.String())
	w.must(err)
	keys, is := f.Value.(*value.User)
	if is != (n > 0) || f.Version != version {
		w.Errorf("of %s stands version %d, keys: %v; want version %d, keys: %v", user, f.Version, is, version, n > 0)
		return
	}
	if is && matrix.EncodeBase64(keys.Keys[value.Master]) != e2eetest.Name(e2eetest.NewIdentity(user, n).Master) {
		w.Errorf("of %s other keys stand than the %d.", user, n)
	}
}

// directory is a key directory that keeps to the rules, or does not answer.
type directory struct {
	clock *clocktest.Clock

	mu        sync.Mutex // guards all below
	standing  map[matrix.UserID][][]byte
	held      map[matrix.UserID]held
	published []string                       // the values that were sent
	erased    []matrix.ServerName            // where
	fails     error                          // all calls
	gone      matrix.ServerName              // does not answer any more
	answers   func(user matrix.UserID) error // is asked before an answer to what was done; nil: none fails
	alarm     bool
	forgets   bool // promises, and does nothing
}

type held struct {
	value []byte
	until time.Time
}

var (
	errAway   = fedclient.ErrUnreachable
	errKilled = errors.New("killed")
)

func (d *directory) Lookup(_ context.Context, label string) (f keydirectory.Found, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.alarm {
		return f, &keydirectory.Alarm{Server: "id.test", Kind: keydirectory.Users, Reason: "a split"}
	}
	if d.fails != nil {
		return f, d.fails
	}
	user := matrix.UserID(strings.TrimPrefix(label, "mxid:"))
	if h, waits := d.held[user]; waits && !d.clock.Now().Before(h.until) {
		d.standing[user] = append(d.standing[user], h.value)
		delete(d.held, user)
	}
	versions := d.standing[user]
	if len(versions) == 0 {
		return f, nil
	}
	f.Present, f.Version = true, uint32(len(versions)-1)
	if f.Value, err = value.Parse(versions[f.Version]); err == nil {
		err = f.Value.ValidAt(d.clock.Now(), 0)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", keydirectory.ErrNotInForce, err)
	}
	return f, err
}

// refusal is one of the identity server, in words of the protocol.
func refusal(status int) error {
	code := matrix.Forbidden
	if status == http.StatusConflict {
		code = matrix.Unknown
	}
	return fedclient.Refusal{Status: status, Errcode: code, Message: "no"}
}

// byProxy is what is answered in the identity server's place.
func byProxy(status int) error { return fedclient.Refusal{Status: status, Errcode: matrix.Unknown} }

func (d *directory) PublishKeys(_ context.Context, _ idclient.Server, user matrix.UserID, object jsontext.Value) (t idclient.KeysTicket, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails != nil {
		return t, d.fails
	}
	d.published = append(d.published, string(object))
	u, err := value.ParseUser(object)
	if err != nil || u.CheckSelf() != nil || u.MXID != user || u.Label.String() != "mxid:"+user.String() {
		return t, refusal(400)
	}
	t.Version = u.Version
	versions := d.standing[user]
	h, waits := d.held[user]
	switch {
	case int(u.Version) == len(versions)-1 && signed(u.JSON()) == signed(versions[u.Version]), d.forgets:
	case waits && signed(h.value) == signed(u.JSON()):
		t.HeldUntil = h.until
	case int(u.Version) != len(versions):
		return t, refusal(409)
	case u.Version > 0:
		t.HeldUntil = d.clock.Now().Add(24 * time.Hour)
		d.held[user] = held{d.with(u, value.ByRecovery), t.HeldUntil}
	default:
		d.standing[user] = append(versions, d.with(u, value.ByHomeserver))
	}
	if d.answers != nil {
		err = d.answers(user)
	}
	return t, err
}

func (d *directory) with(u *value.User, how value.How) []byte {
	object, err := u.WithAuth(value.Auth{How: how, TS: d.clock.Now().UnixMilli()})
	if err != nil {
		panic(err)
	}
	return object
}

// signed is what of a value its publisher has made.
func signed(object []byte) string {
	u, err := value.ParseUser(object)
	if err != nil {
		return ""
	}
	text, err := u.Signed()
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (d *directory) EraseKeys(_ context.Context, at idclient.Server, user matrix.UserID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at.Name == d.gone {
		return errAway
	}
	if d.fails != nil {
		return d.fails
	}
	d.erased = append(d.erased, at.Name)
	d.bury(user)
	return nil
}

// bury puts a tombstone, unless there is nothing to erase.
func (d *directory) bury(user matrix.UserID) {
	delete(d.held, user)
	versions := d.standing[user]
	if len(versions) == 0 {
		return
	}
	if _, err := value.ParseUser(versions[len(versions)-1]); err != nil {
		return
	}
	stone, err := value.NewTombstone(uint32(len(versions)), d.clock.Now())
	if err != nil {
		panic(err)
	}
	d.standing[user] = append(versions, stone.JSON())
}

// usurp has keys of a stranger stand for a user.
func (d *directory) usurp(t *testing.T, user matrix.UserID) {
	t.Helper()
	who := e2eetest.NewIdentity(user, 666)
	object, err := value.FromCrossSigning(value.Draft{User: user, Version: uint32(len(d.standing[user])), NotBefore: d.clock.Now(), Master: who.MasterKey(), SelfSigning: who.SelfSigningKey()})
	if err != nil {
		t.Fatal(err)
	}
	d.standing[user] = append(d.standing[user], object)
}
