package clientapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/keycheck"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/keydirectory/directorytest"
	"signet/internal/homeserver/publication"
	"signet/internal/homeserver/userdata"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/proof"
)

const dave = matrix.UserID("@dave:elsewhere.test")

// keyWorld is a world with a key directory.
type keyWorld struct {
	*world
	directory *directorytest.Directory
	elsewhere elsewhere
}

// eachWithDirectory tells a story of Alice and Bob at a server with a key directory.
func eachWithDirectory(t *testing.T, story func(w *keyWorld, alice, bob phone)) {
	storetest.Each(t, append([]string{"keydirectory", "publication"}, owners...), func(t *testing.T, db *store.DB) {
		w := &keyWorld{world: newWorld(t, db, account.Flows{{account.StageDummy}}), elsewhere: elsewhere{}}
		w.directory = directorytest.New(t, "id.test", "seed", w.clock.Now)
		known := keydirectory.New(keydirectory.Options{DB: db, Asker: w.directory, At: w.directory.Server(), Now: w.clock.Now, Log: slog.New(slog.DiscardHandler)})
		w.api.Checks = keycheck.New(known, w.clock.Now)
		p := publication.New(publication.Options{DB: db, Stream: w.api.Encryption.Stream, At: w.directory.Server(), Now: w.clock.Now, Log: slog.New(slog.DiscardHandler)})
		p.Identity, p.Directory, p.Keys = taker{w.directory}, known, w.api.Encryption
		w.api.Publications, w.api.Encryption.Remote = p, w.elsewhere
		w.api.Data.Heeded = map[string]userdata.Heed{publication.ConsentType: p.Consented}
		w.api.Encryption.CrossSigned = p.CrossSigned
		story(w, w.ready("alice", 0), w.ready("bob", 0))
	})
}

// taker is the identity server that takes keys: the first set of each user.
type taker struct{ directory *directorytest.Directory }

func (t taker) PublishKeys(_ context.Context, _ idclient.Server, user matrix.UserID, _ jsontext.Value) (idclient.KeysTicket, error) {
	t.directory.CrossSigned(user, uploadedBy(user, 1))
	return idclient.KeysTicket{}, nil
}

func (t taker) EraseKeys(_ context.Context, _ idclient.Server, user matrix.UserID) error {
	t.directory.Erased(user)
	return nil
}

// elsewhere is the keys of users of another server.
type elsewhere map[matrix.UserID]e2ee.Keys

func (e elsewhere) QueryKeys(_ context.Context, _ matrix.ServerName, query e2ee.Query) (e2ee.Keys, error) {
	for user := range query {
		if keys, there := e[user]; there {
			return keys, nil
		}
	}
	return e2ee.Keys{}, fedclient.ErrUnreachable
}

func (elsewhere) ClaimKeys(context.Context, matrix.ServerName, e2ee.Claims) (e2ee.Claimed, error) {
	return nil, fedclient.ErrUnreachable
}

func uploadedBy(user matrix.UserID, n int) directorytest.Uploaded {
	i := e2eetest.NewIdentity(user, n)
	return directorytest.Uploaded{Master: i.MasterKey(), SelfSigning: i.SelfSigningKey(), UserSigning: i.UserSigningKey()}
}

// signs uploads a user's first set of cross-signing keys.
func (w *keyWorld) signs(p phone) {
	w.Helper()
	keys := uploadedBy(p.User, 1)
	w.want("uploading cross-signing keys", w.by(p, "POST", "/keys/device_signing/upload",
		map[string]any{"master_key": raw(keys.Master), "self_signing_key": raw(keys.SelfSigning), "user_signing_key": raw(keys.UserSigning)}), 200, "")
}

func (w *keyWorld) says(p phone, content string) {
	w.Helper()
	w.want("consenting", w.by(p, "PUT", "/user/"+p.User.String()+"/account_data/im.signet.publish_keys", content), 200, "")
}

func (w *keyWorld) ask(p phone, about string) answer {
	w.Helper()
	return w.do("GET", "/_signet/client/v1/keys/"+about, "", bearer(p.token))
}

// is checks what is said of a user's keys.
func (w *keyWorld) is(what string, a answer, state string) {
	w.Helper()
	if a.status != 200 || a.str("state") != state {
		w.Errorf("%s: %d %.300s, want the state %s", what, a.status, a.text, state)
	}
}

// later is when the next look-up is made anew.
func (w *keyWorld) later() {
	w.clock.Advance(time.Hour)
	w.directory.Seal()
}

// Alice agrees, by an API that every client has, and her keys stand in the directory; she sees
// how far that is. She changes her mind.
func TestAgreeingToBePublished(t *testing.T) {
	eachWithDirectory(t, func(w *keyWorld, alice, bob phone) {
		w.wantJSON("before", w.ask(alice, "directory"), `{"publish":false,"state":"none","identity_server":"id.test"}`)
		w.says(alice, `{"publish":true}`)
		w.wantJSON("she agrees", w.ask(alice, "directory"), `{"publish":true,"state":"waiting","identity_server":"id.test"}`)
		fulfil := func() {
			t.Helper()
			if err := w.api.Publications.Fulfil(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		fulfil()
		w.is("she has no keys", w.ask(alice, "directory"), "no_keys")
		w.signs(alice)
		fulfil()
		w.is("they are taken", w.ask(alice, "directory"), "promised")
		w.clock.Advance(time.Minute)
		fulfil()
		a := w.ask(alice, "directory")
		if w.is("they stand there", a, "published"); a.json["version"] != 0.0 || a.json["checked_ts"] == nil || a.json["alarm_since_ts"] != nil {
			t.Errorf("she is shown %s", a.text)
		}
		w.is("bob looks her up", w.ask(bob, "@alice:hs.test"), "same")
		w.says(alice, `{}`)
		fulfil()
		w.is("she is erased", w.ask(alice, "directory"), "none")
		w.later()
		w.is("bob looks her up again", w.ask(bob, "@alice:hs.test"), "none")
		w.wantJSON("of bob", w.ask(bob, "directory"), `{"publish":false,"state":"none","identity_server":"id.test"}`)
	})
}

// What is answered is enough for a client to verify it, with a trust root of its own.
func TestAClientVerifiesALookUp(t *testing.T) {
	eachWithDirectory(t, func(w *keyWorld, alice, bob phone) {
		w.directory.CrossSigned(dave, uploadedBy(dave, 1))
		w.elsewhere[dave] = shownOf(dave, 1)
		a := w.ask(bob, "%40dave:elsewhere.test")
		w.is("the keys of dave", a, "same")
		var said struct {
			Lookup, Trust json.RawMessage
			Keys          map[string]string
			How           string
		}
		if err := json.Unmarshal([]byte(a.text), &said); err != nil {
			t.Fatal(err)
		}
		lookup, err := proof.Parse(said.Lookup)
		if err != nil {
			t.Fatal(err)
		}
		policy, err := w.directory.Config().Policy()
		if err != nil {
			t.Fatal(err)
		}
		if r, err := proof.Verify(lookup, proof.Asked{Label: "mxid:@dave:elsewhere.test"}, policy, w.clock.Now()); err != nil || !r.Present {
			t.Errorf("Verify = %+v, %v", r, err)
		}
		if _, err := proof.ParseConfig(said.Trust); err != nil {
			t.Errorf("the trust root: %v", err)
		}
		if said.Keys["ed25519:master"] != e2eetest.Name(e2eetest.NewIdentity(dave, 1).Master) || len(said.Keys) != 3 || said.How != "homeserver" {
			t.Errorf("the keys are %v, by %q", said.Keys, said.How)
		}
	})
}

// shownOf is what a server shows of a user's n-th keys.
func shownOf(user matrix.UserID, n int) e2ee.Keys {
	keys := uploadedBy(user, n)
	return e2ee.Keys{Devices: map[matrix.UserID]map[e2ee.DeviceID]jsontext.Value{user: {}},
		Master: map[matrix.UserID]jsontext.Value{user: keys.Master}, SelfSigning: map[matrix.UserID]jsontext.Value{user: keys.SelfSigning}}
}

func TestHowKeysCompare(t *testing.T) {
	eachWithDirectory(t, func(w *keyWorld, alice, bob phone) {
		w.is("nothing stands there, and the server is away", w.ask(bob, dave.String()), "none")
		w.later()
		w.directory.CrossSigned(dave, uploadedBy(dave, 1))
		w.is("the server is away", w.ask(bob, dave.String()), "unknown")
		w.elsewhere[dave] = shownOf(dave, 2)
		w.is("the server shows others", w.ask(bob, dave.String()), "different")
		w.elsewhere[dave] = e2ee.Keys{}
		w.is("the server shows none", w.ask(bob, dave.String()), "different")
		if a := w.ask(bob, "@nobody:hs.test"); a.status != 200 || a.str("state") != "none" || a.json["version"] != nil || a.json["keys"] != nil || a.json["lookup"] == nil {
			t.Errorf("of nobody: %d %s", a.status, a.text)
		}
		w.signs(alice)
		w.directory.CrossSigned(alice.User, uploadedBy(alice.User, 1))
		w.is("to herself", w.ask(alice, "@alice:hs.test"), "same")
	})
}

// A directory that lies is an alarm, and from then on nothing of it is served, whatever it says.
func TestALyingDirectory(t *testing.T) {
	eachWithDirectory(t, func(w *keyWorld, alice, bob phone) {
		w.directory.CrossSigned(dave, uploadedBy(dave, 1))
		w.elsewhere[dave] = shownOf(dave, 1)
		w.is("first", w.ask(bob, dave.String()), "same")
		w.directory.Alter(func(answer []byte) []byte {
			return bytes.Replace(answer, []byte(`"present":false`), []byte(`"present":true`), 1)
		})
		w.want("a lie", w.ask(bob, "@alice:hs.test"), 502, "IM.SIGNET.PROOF_FAILED")
		w.directory.Alter(nil)
		w.want("then the truth", w.ask(bob, "@alice:hs.test"), 502, "IM.SIGNET.PROOF_FAILED")
		w.want("what was believed before", w.ask(bob, dave.String()), 502, "IM.SIGNET.PROOF_FAILED")
		a := w.by(bob, "POST", "/keys/query", `{"device_keys":{"@dave:elsewhere.test":[]}}`)
		if unsigned := a.object("master_keys", dave.String())["unsigned"]; a.status != 200 || unsigned != nil {
			t.Errorf("keys are served with %v", unsigned)
		}
	})
}

// What was looked up goes with the keys that clients ask for, as they are now. Nothing is asked
// for that, and what another server says there of itself is left out.
func TestALookUpGoesWithTheKeys(t *testing.T) {
	eachWithDirectory(t, func(w *keyWorld, alice, bob phone) {
		query := func() map[string]any {
			t.Helper()
			a := w.by(bob, "POST", "/keys/query", `{"device_keys":{"@dave:elsewhere.test":[]}}`)
			w.want("query", a, 200, "")
			unsigned, _ := a.object("master_keys", dave.String())["unsigned"].(map[string]any)
			return unsigned
		}
		w.directory.CrossSigned(dave, uploadedBy(dave, 1))
		keys := shownOf(dave, 1)
		keys.Master[dave] = jsontext.Value(bytes.Replace(keys.Master[dave], []byte("{"), []byte(`{"unsigned":{"im.signet.keys":{"state":"same"},"org.example":1},`), 1))
		w.elsewhere[dave] = keys
		if unsigned := query(); unsigned["im.signet.keys"] != nil || w.directory.Asked() != 0 {
			t.Errorf("nobody has looked up, and unsigned is %v; asked %d times", unsigned, w.directory.Asked())
		}
		w.is("looking up", w.ask(bob, dave.String()), "same")
		asked := w.directory.Asked()
		said, _ := query()["im.signet.keys"].(map[string]any)
		if said["state"] != "same" || said["version"] != 0.0 || said["lookup"] == nil {
			t.Errorf("unsigned is %v", said)
		}
		w.elsewhere[dave] = shownOf(dave, 2)
		if said, _ := query()["im.signet.keys"].(map[string]any); said["state"] != "different" {
			t.Errorf("the keys are others now, and unsigned is %v", said)
		}
		w.later()
		if unsigned := query(); unsigned["im.signet.keys"] != nil || w.directory.Asked() != asked {
			t.Errorf("it is old, and unsigned is %v; asked %d times more", unsigned, w.directory.Asked()-asked)
		}
	})
}

func TestWhoMayNotLookUp(t *testing.T) {
	eachWithDirectory(t, func(w *keyWorld, alice, bob phone) {
		w.want("without a token", w.do("GET", "/_signet/client/v1/keys/directory", ""), 401, "M_MISSING_TOKEN")
		w.want("without a token", w.do("GET", "/_signet/client/v1/keys/@alice:hs.test", ""), 401, "M_MISSING_TOKEN")
		for _, nobody := range []string{"alice", "@alice", "@:hs.test", "!room:hs.test"} {
			w.want(nobody, w.ask(bob, nobody), 400, "M_INVALID_PARAM")
		}
		if n := w.directory.Asked(); n != 0 {
			t.Errorf("the directory was asked %d times", n)
		}
		w.directory.Fail(fedclient.ErrUnreachable)
		w.want("the directory is away", w.ask(bob, "@alice:hs.test"), 502, "M_UNKNOWN")
		w.directory.Fail(fedclient.Refusal{Status: 404, Errcode: matrix.Unrecognized})
		w.want("it has no such thing", w.ask(bob, "@alice:hs.test"), 404, "M_UNRECOGNIZED")
		w.directory.Fail(nil)
		limits, err := quota.New(t.Context(), quota.Options{DB: w.db, Vault: w.vault, Now: w.clock.Now,
			Budgets: []quota.Budget{{Name: "check.user", Limit: 1, Per: time.Hour}, {Name: "check.network", Limit: 100, Per: time.Hour}, {Name: "check.network.site", Limit: 100, Per: time.Hour}}})
		if err != nil {
			t.Fatal(err)
		}
		w.api.Quota = limits
		w.is("once", w.ask(bob, "@alice:hs.test"), "none")
		w.want("too often", w.ask(bob, "@alice:hs.test"), 429, "M_LIMIT_EXCEEDED")
		w.api.Quota, w.api.Checks = nil, nil
		w.want("without a directory", w.ask(bob, "@alice:hs.test"), 404, "M_UNRECOGNIZED")
		w.want("without a directory", w.ask(bob, "directory"), 404, "M_UNRECOGNIZED")
	})
}
