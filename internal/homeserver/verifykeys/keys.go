package verifykeys

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/singleflight"

	"signet/internal/fedclient"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Direct asks servers for their own keys, as fedclient.Client does.
type Direct interface {
	// FreshKeys are the keys of a server as they were a minute ago or later, proven. It
	// coalesces questions, and remembers failures for a while.
	FreshKeys(ctx context.Context, server matrix.ServerName) (fedclient.ServerKeys, error)
}

// Notaries asks others for keys, as remote.Client does.
type Notaries interface {
	// KeysFromNotary are documents, of which nothing is proven.
	KeysFromNotary(ctx context.Context, notary, server matrix.ServerName, id matrix.KeyID, at time.Time) ([]jsontext.Value, error)
}

// Directory is a key directory, which proves what it says of servers, as keydirectory.Directory is.
type Directory interface {
	// Vouched are documents that stand in the directory's log; what their servers have signed
	// is not verified. None where it knows none, or cannot be asked. An error ends the question:
	// what it has shown does not hold, and nobody may stand in for it.
	Vouched(ctx context.Context, server matrix.ServerName, id matrix.KeyID, at time.Time) ([]jsontext.Value, error)
}

// Options is what Keys stands on.
type Options struct {
	DB         *store.DB
	ServerName matrix.ServerName
	Own        *keyring.Ring
	Direct     Direct
	Notaries   Notaries
	Directory  Directory           // the notary that is asked first; nil for none
	Trusted    []matrix.ServerName // the other notaries, in the order in which they are asked
	Now        func() time.Time
}

// Keys knows the keys of servers. It is safe for concurrent use.
type Keys struct {
	Options
	memory memory
	failed failures
	flight singleflight.Group
	mu     sync.Mutex // held by who keeps what was heard, to add it to what is known
}

// New makes Keys on a database that has been migrated.
func New(o Options) *Keys {
	return &Keys{Options: o, memory: memory{known: map[name]key{}}, failed: failures{known: map[name]failure{}}}
}

// Ever is the time to ask for where a key need only have been the server's once: events of
// room versions without event.Version.KeyValidity.
var Ever = time.UnixMilli(0)

// ErrUnknownKey says that the server is not known to have had such a key at that time.
var ErrUnknownKey = errors.New("the server is not known to have had this key at that time")

// farthest is how far ahead a key may be valid (server-server API, valid_until_ts).
const farthest = 7 * 24 * time.Hour

// VerifyKey is the key of a server under an id that was valid at a time, such as an event's
// origin_server_ts. The zero time is now: then the key must still be in use, as for a
// request. Errors: ErrUnknownKey, and why the server could not be asked, by fedclient.
func (k *Keys) VerifyKey(ctx context.Context, server matrix.ServerName, id matrix.KeyID, at time.Time) (ed25519.PublicKey, error) {
	if parsed, err := matrix.ParseServerName(server.String()); err != nil || parsed != server {
		return nil, ErrUnknownKey
	}
	if _, ok := matrix.ParseKeyID(string(id)); !ok || at.After(k.Now().Add(farthest)) {
		return nil, ErrUnknownKey
	}
	n := name{server, id}
	if server == k.ServerName {
		return k.own(ctx, id, at)
	}
	found, err := k.recall(ctx, n)
	if err != nil {
		return nil, err
	}
	if found.validAt(at, k.Now()) {
		return found.public, nil
	}
	return k.ask(ctx, n, at)
}

// AtHand is VerifyKey of now as far as nobody has to be asked.
func (k *Keys) AtHand(ctx context.Context, server matrix.ServerName, id matrix.KeyID) (ed25519.PublicKey, bool) {
	parsed, err := matrix.ParseServerName(server.String())
	if _, ok := matrix.ParseKeyID(string(id)); err != nil || parsed != server || !ok || server == k.ServerName {
		return nil, false
	}
	found, err := k.recall(ctx, name{server, id})
	return found.public, err == nil && found.validAt(time.Time{}, k.Now())
}

// own is a key of this server.
func (k *Keys) own(ctx context.Context, id matrix.KeyID, at time.Time) (ed25519.PublicKey, error) {
	signs, retired, err := k.Own.Published(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading own keys: %w", err)
	}
	if signs.ID == id {
		return signs.Public(), nil
	}
	for _, r := range retired {
		if r.ID == id && !at.IsZero() && at.Before(r.Retired) {
			return r.Public, nil
		}
	}
	return nil, ErrUnknownKey
}

// name is a key's name.
type name struct {
	server matrix.ServerName
	id     matrix.KeyID
}

// key is what is known of a key; the zero value is one that is not known.
type key struct {
	public  ed25519.PublicKey
	until   time.Time // valid_until_ts of the last document that said it signs
	expired time.Time // expired_ts; zero while it signs
}

// validAt tells whether what the key signed at a time counts; the zero time is now, for
// which it has to be in use.
func (k key) validAt(at, now time.Time) bool {
	switch {
	case k.public == nil:
		return false
	case at.IsZero():
		return k.expired.IsZero() && now.Before(k.until)
	case !k.expired.IsZero():
		return at.Before(k.expired)
	}
	return !at.After(k.until)
}

// recall is what is known of a key, of which the zero value says nothing.
func (k *Keys) recall(ctx context.Context, n name) (key, error) {
	if found, there := k.memory.get(n); there {
		return found, nil
	}
	found, err := selectKey(ctx, k.DB, n)
	if err != nil {
		return key{}, fmt.Errorf("reading a server's key: %w", err)
	}
	if found.public != nil {
		k.memory.put(n, found)
	}
	return found, nil
}
