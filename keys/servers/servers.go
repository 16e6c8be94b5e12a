package servers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/log/format"
	"signet/keys/log/keeper"
	"signet/keys/proof"
	"signet/keys/replay"
)

// Source has records to be logged, as *notary.Notary has.
type Source interface {
	// Next returns at most limit entries in their order, and what notes their positions,
	// from first on, in the transaction that appends them.
	Next(ctx context.Context, limit int) (entries [][]byte, logged func(ctx context.Context, tx *store.Tx, first int64) error, err error)
}

// Options are what the log of servers' keys needs.
type Options struct {
	DB     *store.DB
	Name   matrix.ServerName // of this server
	Keys   keeper.Ring
	Guard  log.Guard
	Source Source
	Now    func() time.Time
	Log    *slog.Logger

	// Poll, Lease and Sealed are as in log.Options.
	Poll   time.Duration
	Lease  time.Duration
	Sealed func(entries int64, took time.Duration)
}

// ErrNotYet is the error of a proof of what no published checkpoint covers yet.
var ErrNotYet = errors.New("the log of servers' keys has not come that far yet")

// ErrOther is the error of a record that does not stand where it should.
var ErrOther = errors.New("another entry stands at the position")

// Servers is the log of servers' keys. It is safe for concurrent use, and any number of
// replicas have a value each.
type Servers struct {
	tiles *log.Log
	state *replay.State
	keys  *keeper.Keeper
}

// Open opens the log of servers' keys, which begins if there is none. The error is
// log.ErrConfig if the keys are not those that it began with.
func Open(ctx context.Context, o Options) (*Servers, error) {
	origin := Origin(o.Name)
	s := &Servers{state: replay.New(replay.Records, origin), keys: &keeper.Keeper{Origin: origin, Ring: o.Keys, Now: o.Now}}
	var err error
	s.tiles, err = log.Open(ctx, log.Options{Name: "servers", Origin: origin, DB: o.DB, Now: o.Now, Log: o.Log, Source: source{o.Source},
		Map: s.state, Format: format.Entries{}, Guard: o.Guard, Keys: s.keys, Poll: o.Poll, Lease: o.Lease, Sealed: o.Sealed})
	if err != nil {
		return nil, fmt.Errorf("opening the log of servers' keys: %w", err)
	}
	return s, s.tiles.CheckConfig(ctx)
}

// Origin is that of the log of servers' keys of a server.
func Origin(name matrix.ServerName) string { return name.String() + "/servers" }

// Tiles is the log, to be served as C2SP tlog-tiles.
func (s *Servers) Tiles() *log.Log { return s.tiles }

// Run seals what is pending until ctx ends, as log.Log.Run does.
func (s *Servers) Run(ctx context.Context) error { return s.tiles.Run(ctx) }

// Trust is what verifies the log's checkpoints.
func (s *Servers) Trust(ctx context.Context) (proof.LogConfig, error) {
	configs, err := s.keys.Configs(ctx, s.tiles, s.state)
	if err != nil {
		return proof.LogConfig{}, fmt.Errorf("reading by which keys the log of servers' keys is signed: %w", err)
	}
	return proof.NewLogConfig(configs), nil
}

// source is a Source as the log wants it.
type source struct{ from Source }

func (s source) Next(ctx context.Context, limit int) (log.Batch, error) {
	entries, logged, err := s.from.Next(ctx, limit)
	return log.Batch{Entries: entries, Logged: logged}, err
}

// Prove proves that a record stands at a position: {"log_proof": the C2SP tlog-proof}, whose
// extra data is the entry. The caller has the record, which is held against the log's hashes:
// where it stands are up to 255 others beside it, 4 MB to be read for one. Errors: ErrNotYet
// until a checkpoint covers the position, ErrOther, entry.ErrObject.
func (s *Servers) Prove(ctx context.Context, position int64, record []byte) (jsontext.Value, error) {
	r, err := entry.NewRecord(record)
	if err != nil {
		return nil, err
	}
	c, err := s.tiles.Checkpoint(ctx)
	if errors.Is(err, log.ErrNotFound) || err == nil && position >= c.N {
		return nil, ErrNotYet
	}
	if err != nil {
		return nil, err
	}
	path, err := s.tiles.ProveRecord(ctx, c.N, position)
	if err != nil {
		return nil, err
	}
	octets := r.Append(nil)
	if err := tlog.CheckRecord(path, c.N, c.Hash, position, tlog.RecordHash(octets)); err != nil {
		return nil, fmt.Errorf("%w: %d: %w", ErrOther, position, err)
	}
	return json.Marshal(struct {
		LogProof string `json:"log_proof"`
	}{string(log.FormatProof(position, path, octets, c.Note))})
}
