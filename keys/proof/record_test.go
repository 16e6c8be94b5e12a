package proof_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/matrix"
	"signet/keys/entry"
	keylog "signet/keys/log"
	"signet/keys/proof"
	"signet/keys/proof/prooftest"
)

const serversOrigin = "id.example.org/servers"

// servers is a log of servers, and who believes it.
type servers struct {
	testing.TB
	log    *prooftest.Log
	policy proof.Policy
	now    time.Time
}

func newServers(t testing.TB, seed string) *servers {
	t.Helper()
	s := &servers{TB: t, log: prooftest.New(t, serversOrigin, secret(seed), ""), now: start}
	config := newWorld(t).withoutWitnesses()
	config.Servers = proof.NewLogConfig(s.log.State.Configs())
	var err error
	if s.policy, err = config.ServersPolicy(); err != nil {
		t.Fatal(err)
	}
	return s
}

// withoutWitnesses is a trust root that asks for none.
func (w *world) withoutWitnesses() proof.Config {
	c := w.config()
	c.Witnesses, c.Needed = nil, 0
	return c
}

// record logs a record of a document.
func (s *servers) record(o object) (position int64) {
	s.Helper()
	r, err := entry.NewRecord(marshal(s.TB, o))
	if err != nil {
		s.Fatal(err)
	}
	return s.log.Seal(s.now, r.Append(nil))
}

// publishes logs what a server publishes, and returns what a notary answers then.
func (s *servers) publishes(server matrix.ServerName, key string, more object) (answer object) {
	s.Helper()
	document := object{"server_name": server, "verify_keys": object{"ed25519:" + key: object{"key": publicOf(key)}}, "valid_until_ts": start.Add(time.Hour).UnixMilli(),
		"signatures": object{server.String(): object{"ed25519:" + key: "c2lnbmVk"}}}
	o := object{"type": "im.signet.keys.server_keys.v1", "server_name": server, "keys": document, "sha256": "x", "seen": object{"ms": 1}}
	for name, value := range more {
		o[name] = value
	}
	position := s.record(o)
	answer = object{}
	for name, value := range document {
		answer[name] = value
	}
	answer["signatures"] = object{server.String(): document["signatures"].(object)[server.String()], serverName.String(): object{"ed25519:0": "c2lnbmVk"}}
	answer["unsigned"] = object{"im.signet.keys": object{"log_proof": string(s.log.Prove(position))}}
	return answer
}

// failed checks at which step something fails, and that this is why.
func failed(t testing.TB, name string, err error, step proof.Step, why error) {
	t.Helper()
	f, is := errors.AsType[*proof.Failed](err)
	if !is || f.Step != step || !errors.Is(err, why) {
		t.Errorf("%s: %v, want %s: %v", name, err, step, why)
	}
}

// What a server publishes is proven to stand in the log, and its record to be of this document.
func TestServerKeys(t *testing.T) {
	s := newServers(t, "one")
	s.publishes("b.example", "b", nil)
	answer := s.publishes("a.example", "a", object{"held_until": start.UnixMilli()})
	k, err := proof.VerifyServerKeys(marshal(t, answer), "a.example", s.policy, proof.Seen{})
	if err != nil {
		t.Fatal(err)
	}
	var document object
	if err := json.Unmarshal(k.Document, &document); err != nil || document["unsigned"] != nil || len(document["signatures"].(map[string]any)) != 1 {
		t.Errorf("%s, %v", k.Document, err)
	}
	if k.Position != 4 || k.Head != s.log.Tree(s.log.Size()) || !k.HeldUntil.Equal(start) || len(k.Held) != 4 {
		t.Errorf("%+v", k)
	}
	read, held, err := proof.ParseServerKeysRecord(k.JSON)
	if err != nil || !bytes.Equal(read, k.Document) || !held.Equal(start) {
		t.Errorf("%s, %v, %v", read, held, err)
	}
}

func TestServerKeysThatAreNot(t *testing.T) {
	s := newServers(t, "one")
	other := newServers(t, "two")
	for name, test := range map[string]struct {
		change func(answer object)
		step   proof.Step
		why    error
	}{
		"no proof":      {func(a object) { delete(a, "unsigned") }, proof.StepRecord, proof.ErrProof},
		"an empty one":  {func(a object) { a["unsigned"] = object{} }, proof.StepRecord, proof.ErrProof},
		"no signatures": {func(a object) { delete(a, "signatures") }, proof.StepRecord, proof.ErrProof},
		"another key": {func(a object) {
			a["verify_keys"] = object{"ed25519:a": object{"key": publicOf("evil")}}
		}, proof.StepDocument, proof.ErrRecord},
		"valid for longer": {func(a object) { a["valid_until_ts"] = 1 << 50 }, proof.StepDocument, proof.ErrRecord},
		"signed by another": {func(a object) {
			a["signatures"] = object{"a.example": object{"ed25519:a": "ZXZpbA"}}
		}, proof.StepDocument, proof.ErrRecord},
		"another log's proof": {func(a object) { a["unsigned"] = other.publishes("a.example", "a", nil)["unsigned"] }, proof.StepCheckpoint, proof.ErrLogKey},
		"another server's proof": {func(a object) {
			a["unsigned"] = s.publishes("b.example", "b", nil)["unsigned"]
		}, proof.StepDocument, proof.ErrRecord},
		"a record of another kind": {func(a object) {
			a["unsigned"] = s.publishes("a.example", "a", object{"type": "im.signet.keys.server_keys_conflict.v1"})["unsigned"]
		}, proof.StepDocument, proof.ErrRecord},
	} {
		answer := s.publishes("a.example", "a", nil)
		test.change(answer)
		k, err := proof.VerifyServerKeys(marshal(t, answer), "a.example", s.policy, proof.Seen{})
		failed(t, name, err, test.step, test.why)
		if k.Document != nil {
			t.Errorf("%s: %s", name, k.Document)
		}
	}
}

// No octet of a proof can be changed.
func TestARecordsProof(t *testing.T) {
	s := newServers(t, "one")
	position := s.record(object{"type": "x"})
	s.record(object{"type": "y"})
	whole := s.log.Prove(position)
	if r, err := proof.VerifyRecord(whole, s.policy, proof.Seen{}); err != nil || string(r.JSON) != `{"type":"x"}` || r.Position != position {
		t.Fatalf("%+v, %v", r, err)
	}
	text := string(whole)
	for i := range text {
		changed := []byte(text)
		changed[i] ^= 1
		if _, err := proof.VerifyRecord(changed, s.policy, proof.Seen{}); err == nil {
			t.Errorf("octet %d may be changed: %q", i, changed)
		}
	}
	lines := strings.SplitAfter(text, "\n")
	for i := range lines[:len(lines)-1] {
		shorter := strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "")
		if _, err := proof.VerifyRecord([]byte(shorter), s.policy, proof.Seen{}); err == nil {
			t.Errorf("line %d may be left out", i)
		}
	}
	for _, more := range []string{strings.Replace(text, "index ", "index 0", 1), strings.Repeat("x", proof.MaxRecordProof) + text, "", "\n\n"} {
		if _, err := proof.VerifyRecord([]byte(more), s.policy, proof.Seen{}); err == nil {
			t.Errorf("taken: %.80q", more)
		}
	}
	epoch := s.log.Prove(s.log.Size() - 1)
	_, err := proof.VerifyRecord(epoch, s.policy, proof.Seen{})
	failed(t, "an EPOCH", err, proof.StepCheckpoint, proof.ErrProof)
}

// down is a log that cannot be read.
type down struct{}

var errDown = errors.New("down")

func (down) Tile(string) ([]byte, error) { return nil, errDown }

// altered is a log of which what is read is changed on its way.
type altered struct {
	log    *prooftest.Log
	change func([]byte) []byte
}

func (a altered) Tile(path string) ([]byte, error) {
	b, err := a.log.Tile(path)
	return a.change(b), err
}

// A record of an older or newer tree is one of the log that was seen, or it fails; where that
// cannot be read nothing is said against it.
func TestTreesOfOneLog(t *testing.T) {
	s := newServers(t, "one")
	for i := range 300 {
		s.record(object{"type": fmt.Sprint(i)})
	}
	old := s.log.Prove(2)
	middle := s.log.Tree(s.log.Size())
	for i := range 300 {
		s.record(object{"type": fmt.Sprint(i, "more")})
	}
	newest := s.log.Tree(s.log.Size())
	fork := newServers(t, "one")
	for i := range 400 {
		fork.record(object{"type": fmt.Sprint(i)})
	}
	forked := fork.log.Prove(2)
	for name, test := range map[string]struct {
		proof []byte
		seen  proof.Seen
		why   error
	}{
		"an older one":             {old, proof.Seen{Head: &newest, Tiles: s.log}, nil},
		"a newer one":              {s.log.Prove(2), proof.Seen{Head: &middle, Tiles: s.log}, nil},
		"the same":                 {old, proof.Seen{Head: &middle}, nil},
		"the first":                {old, proof.Seen{}, nil},
		"a fork":                   {forked, proof.Seen{Head: &newest, Tiles: s.log}, proof.ErrSplit},
		"a fork that shows itself": {forked, proof.Seen{Head: ptr(s.log.Tree(702)), Tiles: fork.log}, proof.ErrSplit},
		"a newer fork":             {s.log.Prove(2), proof.Seen{Head: ptr(fork.log.Tree(fork.log.Size())), Tiles: s.log}, proof.ErrSplit},
		"a log that shrank":        {forked, proof.Seen{Head: &newest, Tiles: fork.log}, proof.ErrSplit},
		"the same size":            {old, proof.Seen{Head: &tlog.Tree{N: middle.N}}, proof.ErrSplit},
		"a log that is down":       {old, proof.Seen{Head: &newest, Tiles: down{}}, proof.ErrUnread},
		"a log that nobody reads":  {old, proof.Seen{Head: &newest}, proof.ErrUnread},
		"tiles that are short":     {old, proof.Seen{Head: &newest, Tiles: altered{s.log, func(b []byte) []byte { return b[:len(b)/2] }}}, proof.ErrSplit},
		"tiles that are long":      {old, proof.Seen{Head: &newest, Tiles: altered{s.log, func(b []byte) []byte { return append(b, make([]byte, 64)...) }}}, nil},
		"tiles of zeroes":          {old, proof.Seen{Head: &newest, Tiles: altered{s.log, func(b []byte) []byte { return make([]byte, len(b)) }}}, proof.ErrSplit},
	} {
		_, err := proof.VerifyRecord(test.proof, s.policy, test.seen)
		if test.why == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if test.why != nil {
			failed(t, name, err, proof.StepConsistency, test.why)
		}
	}
}

func ptr(t tlog.Tree) *tlog.Tree { return &t }

// A log goes on, and says when.
func TestTheNewestTree(t *testing.T) {
	s := newServers(t, "one")
	for i := range 200 {
		s.record(object{"type": fmt.Sprint(i)})
	}
	seen := s.log.Tree(s.log.Size())
	s.now = s.now.Add(time.Minute)
	s.record(object{"type": "last"})
	n, err := proof.VerifyNewest(s.log.Checkpoint(), s.policy, proof.Seen{Head: &seen, Tiles: s.log}, s.now)
	if err != nil || n.Head != s.log.Tree(s.log.Size()) || !n.Sealed.Equal(s.now) || len(n.Held) != 4 {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err := proof.VerifyNewest(s.log.CheckpointOf(seen), s.policy, proof.Seen{Head: &n.Head, Tiles: s.log}, s.now); err != nil || n.Head != seen {
		t.Errorf("a little older: %+v, %v", n, err)
	}
	fork := newServers(t, "one")
	fork.record(object{"type": "evil"})
	for name, test := range map[string]struct {
		checkpoint []byte
		tiles      proof.Tiles
		now        time.Time
		step       proof.Step
		why        error
	}{
		"old":                  {s.log.Checkpoint(), s.log, s.now.Add(61 * time.Minute), proof.StepTimes, proof.ErrStale},
		"of the future":        {s.log.Checkpoint(), s.log, s.now.Add(-6 * time.Minute), proof.StepTimes, proof.ErrAhead},
		"a fork":               {fork.log.Checkpoint(), fork.log, s.now, proof.StepConsistency, proof.ErrSplit},
		"in the middle":        {s.log.CheckpointOf(s.log.Tree(s.log.Size() - 1)), s.log, s.now, proof.StepEpoch, proof.ErrEpoch},
		"down":                 {s.log.Checkpoint(), down{}, s.now, proof.StepEpoch, proof.ErrUnread},
		"another's tiles":      {s.log.Checkpoint(), altered{s.log, func(b []byte) []byte { return make([]byte, len(b)) }}, s.now, proof.StepEpoch, proof.ErrEpoch},
		"no bundle":            {s.log.Checkpoint(), altered{s.log, func([]byte) []byte { return nil }}, s.now, proof.StepEpoch, proof.ErrProof},
		"no checkpoint":        {nil, s.log, s.now, proof.StepCheckpoint, nil},
		"another's checkpoint": {newServers(t, "two").log.Checkpoint(), s.log, s.now, proof.StepCheckpoint, proof.ErrLogKey},
	} {
		_, err := proof.VerifyNewest(test.checkpoint, s.policy, proof.Seen{Head: &seen, Tiles: test.tiles}, test.now)
		if f, is := errors.AsType[*proof.Failed](err); !is || f.Step != test.step || test.why != nil && !errors.Is(err, test.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServersPolicy(t *testing.T) {
	s := newServers(t, "one")
	config := newWorld(t).withoutWitnesses()
	if _, err := config.ServersPolicy(); !errors.Is(err, proof.ErrPolicy) {
		t.Errorf("without a log of servers: %v", err)
	}
	config.Servers = proof.LogConfig{Origin: "other.example/servers", VKeys: proof.NewLogConfig(s.log.State.Configs()).VKeys}
	if _, err := config.ServersPolicy(); !errors.Is(err, proof.ErrPolicy) {
		t.Errorf("with another's keys: %v", err)
	}
}

// The paths of tiles are those that are served.
func TestTilePath(t *testing.T) {
	for _, tile := range []tlog.Tile{{H: 8, N: 0, W: 256}, {H: 8, N: 1, W: 7}, {H: 8, L: 3, N: 1_234_067, W: 256}, {H: 8, L: -1, N: 1_234_067, W: 255}, {H: 8, L: -1, N: 999, W: 256}} {
		if got, want := proof.TilePath(tile), keylog.Path(tile); got != want {
			t.Errorf("%v: %s, want %s", tile, got, want)
		}
	}
}

// Whatever the octets, what is taken says what it has been given.
func FuzzVerifyRecord(f *testing.F) {
	s := newServers(f, "one")
	position := s.record(object{"type": "x"})
	f.Add(s.log.Prove(position))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra AA==\nindex 0\n\nx\n1\n\n\n— x AA==\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := proof.VerifyRecord(b, s.policy, proof.Seen{})
		if err == nil && (r.Position != position || string(r.JSON) != `{"type":"x"}`) {
			t.Fatalf("%q: %+v", b, r)
		}
	})
}

func FuzzVerifyServerKeys(f *testing.F) {
	s := newServers(f, "one")
	f.Add(marshal(f, s.publishes("a.example", "a", nil)))
	f.Add([]byte(`{"signatures":{},"unsigned":{"im.signet.keys":{"log_proof":"x"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := proof.VerifyServerKeys(b, "a.example", s.policy, proof.Seen{})
		if err == nil && k.Position != 2 {
			t.Fatalf("%q: %+v", b, k)
		}
	})
}
