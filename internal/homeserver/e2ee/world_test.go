package e2ee_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/clocktest"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const (
	server                   = matrix.ServerName("hs.test")
	alice      matrix.UserID = "@alice:hs.test"
	bob        matrix.UserID = "@bob:hs.test"
	carol      matrix.UserID = "@carol:hs.test"
	dave       matrix.UserID = "@dave:elsewhere.test"
	stranger   matrix.UserID = "@stranger:hs.test" // who shares no room
	elsewhere                = matrix.ServerName("elsewhere.test")
	stuck                    = matrix.ServerName("stuck.test") // which never answers
	unknownOne matrix.UserID = "@nobody:hs.test"
)

// land is accounts, rooms and other servers, as the tests want them.
type land struct {
	mu      sync.Mutex // guards all
	devices map[matrix.UserID][]e2ee.KnownDevice
	sharing map[matrix.UserID][]matrix.UserID
	met     []matrix.UserID
	parted  []matrix.UserID
	queued  []queued
	remote  map[matrix.UserID]e2ee.Keys
	claimed e2ee.Claimed
	asked   int // how often another server was asked for keys

	rooms map[string][]matrix.UserID // who is in them, of those that somebody has come into

	failures int  // how often Devices fails
	full     bool // nothing more is queued

	queues  chan struct{} // has a token for each time something was queued; nil: nobody looks
	meeting func()        // is called once when the servers of a room are asked for
}

var (
	errDirectory = errors.New("the accounts cannot be read")
	errFull      = errors.New("the disk is full")
)

type queued struct {
	to  matrix.ServerName
	edu e2ee.EDU
}

func (l *land) Devices(_ context.Context, _ store.Queryer, user matrix.UserID) ([]e2ee.KnownDevice, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failures > 0 {
		l.failures--
		return nil, errDirectory
	}
	return slices.Clone(l.devices[user]), nil
}

func (l *land) Sharing(_ context.Context, user matrix.UserID) ([]matrix.UserID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.sharing[user]), nil
}

func (l *land) Moved(context.Context, matrix.UserID, stream.Pos, stream.Pos) (met, parted []matrix.UserID, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.met), slices.Clone(l.parted), nil
}

func (l *land) Servers(_ context.Context, user matrix.UserID) ([]matrix.ServerName, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var servers []matrix.ServerName
	for _, u := range l.sharing[user] {
		if u.Server() != server {
			servers = append(servers, u.Server())
		}
	}
	return servers, nil
}

func (l *land) Queue(_ context.Context, _ *store.Tx, to []matrix.ServerName, edu e2ee.EDU) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return errFull
	}
	for _, server := range to {
		l.queued = append(l.queued, queued{server, edu})
	}
	if l.queues != nil {
		l.queues <- struct{}{}
	}
	return nil
}

func (l *land) JoinedRooms(user matrix.UserID) (rooms []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, members := range l.rooms {
		if slices.Contains(members, user) {
			rooms = append(rooms, id)
		}
	}
	return rooms
}

func (l *land) OtherServers(_ context.Context, id string) (servers []matrix.ServerName, err error) {
	l.mu.Lock()
	meeting := l.meeting
	l.meeting = nil
	l.mu.Unlock()
	if meeting != nil {
		meeting()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, user := range l.rooms[id] {
		if user.Server() != server {
			servers = append(servers, user.Server())
		}
	}
	return servers, nil
}

var errUnreachable = errors.New("the server cannot be reached")

// reach is the error of asking a server.
func reach(ctx context.Context, name matrix.ServerName) error {
	switch {
	case strings.HasSuffix(name.String(), stuck.String()):
		<-ctx.Done()
		return ctx.Err()
	case name != elsewhere:
		return errUnreachable
	}
	return nil
}

func (l *land) QueryKeys(ctx context.Context, name matrix.ServerName, query e2ee.Query) (e2ee.Keys, error) {
	if err := reach(ctx, name); err != nil {
		return e2ee.Keys{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	for user := range query {
		return l.remote[user], nil
	}
	return e2ee.Keys{}, nil
}

func (l *land) ClaimKeys(ctx context.Context, name matrix.ServerName, _ e2ee.Claims) (e2ee.Claimed, error) {
	if err := reach(ctx, name); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.claimed, nil
}

// world is a server with its encryption. Alice, Bob, Carol and Dave share a room.
type world struct {
	*testing.T
	*e2ee.Encryption
	db     *store.DB
	stream *stream.Committer
	clock  *clocktest.Clock
	land   *land
}

// each tells the story on every engine and looks through the books at its end.
func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"stream", "e2ee"}, func(t *testing.T, db *store.DB) {
		room := []matrix.UserID{alice, bob, carol, dave}
		l := &land{devices: map[matrix.UserID][]e2ee.KnownDevice{}, sharing: map[matrix.UserID][]matrix.UserID{}}
		for _, u := range room {
			l.sharing[u] = slices.DeleteFunc(slices.Clone(room), func(other matrix.UserID) bool { return other == u })
		}
		w := &world{T: t, db: db, clock: clocktest.New(), land: l}
		w.run()
		story(w)
		w.check()
	})
}

// run opens the stream and encryption, as a process does that starts.
func (w *world) run() {
	w.Helper()
	var err error
	if w.stream, err = stream.Open(w.Context(), w.db); err != nil {
		w.Fatal(err)
	}
	w.Encryption, err = e2ee.New(w.Context(), e2ee.Options{
		DB: w.db, Stream: w.stream, ServerName: server, Now: w.clock.Now,
		Devices: w.land, Rooms: w.land, Remote: w.land, Outgoing: w.land,
	})
	if err != nil {
		w.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.stream.Run(ctx) }()
	w.Cleanup(func() { stop(); <-ended })
}

// phone is a device that its user has logged in with.
func (w *world) phone(user matrix.UserID, id string) e2eetest.Phone {
	w.land.mu.Lock()
	defer w.land.mu.Unlock()
	w.land.devices[user] = append(w.land.devices[user], e2ee.KnownDevice{ID: e2ee.DeviceID(id), DisplayName: "the " + id})
	return e2eetest.NewPhone(user, id)
}

func (w *world) logOut(d e2ee.Device) {
	w.land.mu.Lock()
	defer w.land.mu.Unlock()
	w.land.devices[d.User] = slices.DeleteFunc(w.land.devices[d.User], func(k e2ee.KnownDevice) bool { return k.ID == d.ID })
}

func device(p e2eetest.Phone) e2ee.Device { return e2ee.Device{User: p.User, ID: e2ee.DeviceID(p.ID)} }

// upload publishes what must be taken.
func (w *world) upload(p e2eetest.Phone, u e2ee.Upload) map[string]int64 {
	w.Helper()
	counts, err := w.Upload(w.Context(), device(p), u)
	if err != nil {
		w.Fatalf("uploading keys of %s: %v", p.ID, err)
	}
	return counts
}

// ready is a device with its keys and so many one-time keys.
func (w *world) ready(user matrix.UserID, id string, oneTime int) e2eetest.Phone {
	w.Helper()
	p := w.phone(user, id)
	w.upload(p, e2ee.Upload{Device: p.Keys(), OneTime: p.OneTimes(0, oneTime)})
	return p
}

func noAuthentication(context.Context) (func(context.Context, *store.Tx) error, error) {
	return nil, errors.New("authentication was asked for")
}

// identity publishes a user's first cross-signing keys.
func (w *world) identity(user matrix.UserID) e2eetest.Identity {
	w.Helper()
	i := e2eetest.NewIdentity(user, 1)
	if err := w.UploadCrossSigning(w.Context(), user, whole(i), noAuthentication); err != nil {
		w.Fatalf("uploading the cross-signing keys of %s: %v", user, err)
	}
	return i
}

func whole(i e2eetest.Identity) e2ee.CrossSigningUpload {
	return e2ee.CrossSigningUpload{Master: i.MasterKey(), SelfSigning: i.SelfSigningKey(), UserSigning: i.UserSigningKey()}
}

// query is a user's keys as a viewer sees them.
func (w *world) query(viewer, user matrix.UserID) e2ee.Keys {
	w.Helper()
	keys, failures, err := w.Query(w.Context(), viewer, e2ee.Query{user: {}}, time.Minute)
	if err != nil || len(failures) > 0 {
		w.Fatalf("querying %s = %v, %v", user, failures, err)
	}
	return keys
}

// lists is what changed for a user since a position.
func (w *world) lists(user matrix.UserID, since stream.Pos) e2ee.Lists {
	w.Helper()
	lists, err := w.ListsBetween(w.Context(), user, since, w.stream.Visible())
	if err != nil {
		w.Fatal(err)
	}
	return lists
}

// changed checks whom a user is to ask for again.
func (w *world) changed(what string, user matrix.UserID, since stream.Pos, want ...matrix.UserID) {
	w.Helper()
	if got := w.lists(user, since); !slices.Equal(got.Changed, want) {
		w.Errorf("%s: %s is told that %v changed, want %v", what, user, got.Changed, want)
	}
}

var tables = []string{
	"e2ee_devices", "e2ee_cross_signing", "e2ee_signatures", "e2ee_one_time_keys", "e2ee_given_keys", "e2ee_fallback_keys",
	"e2ee_lists", "e2ee_to_device", "e2ee_transactions", "e2ee_leavers", "e2ee_newcomers",
}

// dump is everything that the database holds, as text.
func (w *world) dump() string {
	w.Helper()
	return storetest.Dump(w.T, w.db, tables...)
}

// unchanged checks that what is done writes nothing.
func (w *world) unchanged(what string, do func()) {
	w.Helper()
	before := w.dump()
	do()
	if after := w.dump(); after != before {
		w.Errorf("%s wrote something: before\n%s\nafter\n%s", what, before, after)
	}
}

func (w *world) count(query string) (n int) {
	w.Helper()
	if err := w.db.QueryRow(w.Context(), query).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// check re-reads every row: what is signed is signed, and nothing is given out that waits.
func (w *world) check() {
	w.Helper()
	for what, query := range map[string]string{
		"keys both waiting and given out": `SELECT COUNT(*) FROM e2ee_one_time_keys k JOIN e2ee_given_keys g
			ON g.user_id = k.user_id AND g.device_id = k.device_id AND g.algorithm = k.algorithm AND g.key_id = k.key_id`,
		"one-time keys of devices without keys": `SELECT COUNT(*) FROM e2ee_one_time_keys k WHERE NOT EXISTS
			(SELECT 1 FROM e2ee_devices d WHERE d.user_id = k.user_id AND d.device_id = k.device_id)`,
		"fallback keys of devices without keys": `SELECT COUNT(*) FROM e2ee_fallback_keys k WHERE NOT EXISTS
			(SELECT 1 FROM e2ee_devices d WHERE d.user_id = k.user_id AND d.device_id = k.device_id)`,
	} {
		if n := w.count(query); n != 0 {
			w.Errorf("%d %s", n, what)
		}
	}
	w.checkSignatures()
}

// checkSignatures verifies each signature between local users' keys.
func (w *world) checkSignatures() {
	w.Helper()
	public, signed := map[string]ed25519.PublicKey{}, map[string][]byte{}
	w.rows(`SELECT user_id, device_id, signed, ed25519 FROM e2ee_devices UNION ALL SELECT user_id, name, signed, ed25519 FROM e2ee_cross_signing`,
		func(scan func(...any) error) error {
			var user, name string
			var object, key []byte
			err := scan(&user, &name, &object, &key)
			public[user+" "+name], signed[user+" "+name] = key, object
			return err
		})
	w.rows(`SELECT target_user, target_key, signer_user, signer_key, signature FROM e2ee_signatures`, func(scan func(...any) error) error {
		var target, key, by, text string
		var signer matrix.UserID
		if err := scan(&target, &key, &signer, &by, &text); err != nil {
			return err
		}
		if matrix.UserID(target).Server() != server {
			return nil
		}
		o := signedkey.Object{Signed: signed[target+" "+key], Signatures: signedkey.Signatures{signer: {by: text}}}
		if o.Signed == nil || !o.SignedBy(signer, by, public[signer.String()+" "+by]) {
			w.Errorf("the signature of %s %s by %s %s is wrong", target, key, signer, by)
		}
		return nil
	})
}

func (w *world) rows(query string, each func(scan func(...any) error) error) {
	w.Helper()
	rows, err := w.db.Query(w.Context(), query)
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			w.Fatal(err)
		}
	}
}

// crowd runs n calls at the same moment.
func crowd(n int, call func(i int)) {
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			call(i)
		})
	}
	start.Done()
	done.Wait()
}

// raw is JSON text.
func raw(text string) jsontext.Value { return jsontext.Value(text) }
