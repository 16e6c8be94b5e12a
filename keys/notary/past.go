package notary

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

// maxRecords bounds how many records one answer has.
const maxRecords = 16

// Record is what stands in the servers' log about a server: a document of its keys, one that
// was refused, what the operator decided about that, or the rules about it.
type Record struct {
	Position int64          `json:"position"`
	Record   jsontext.Value `json:"record"`
	// Proof is that the record stands there, as a Prover makes it.
	Proof jsontext.Value `json:"proof"`
}

// Past is what is logged about a server, the newest first.
type Past struct {
	Records []Record
	// Before is the position before which there are more records; 0 if there are none.
	Before int64
	// Blocked is the block that covers the server; nil if none does. What is logged about it
	// is told all the same: a block hides nothing.
	Blocked *Blocked
}

// Records tells what is logged about a server before a position, 0 for the newest, to who
// asks from a network. Nobody is asked for it. What no checkpoint covers yet, and what was
// swept away, is left out. The error is matrix.LimitExceeded as of Query.
func (n *Notary) Records(ctx context.Context, server matrix.ServerName, before int64, network netip.Prefix) (Past, error) {
	if err := n.charge(ctx, Query{Network: network}, 1, askNetwork, askSite); err != nil {
		return Past{}, err
	}
	var past Past
	var err error
	if past.Blocked, err = n.blockOf(ctx, server); err != nil {
		return Past{}, err
	}
	rows, err := selectLogged(ctx, n.DB, server, before, maxRecords+1)
	if err != nil {
		return Past{}, fmt.Errorf("reading what is logged about a server: %w", err)
	}
	if page := firstPage(rows); page < len(rows) {
		past.Before, rows = rows[page-1].Position, rows[:page]
	}
	for _, r := range rows {
		if n.Prover != nil {
			if r.Proof, err = n.Prover.Prove(ctx, r.Position, r.Record); err != nil {
				n.Log.Warn("what is logged is not proven", "server", server, "position", r.Position, "error", err)
				continue
			}
		}
		past.Records = append(past.Records, r)
	}
	return past, nil
}

// firstPage is how many of the records one answer has, at least one.
func firstPage(rows []Record) int {
	octets := 0
	for i, r := range rows {
		if octets += len(r.Record); i > 0 && (i == maxRecords || octets > maxOctets) {
			return i
		}
	}
	return len(rows)
}

// blockOf is nil for a server that no block covers.
func (n *Notary) blockOf(ctx context.Context, server matrix.ServerName) (*Blocked, error) {
	name, blocked, err := n.Blocked(ctx, server)
	if err != nil || !blocked {
		return nil, err
	}
	position, err := selectPolicyPosition(ctx, n.DB, name)
	return &Blocked{Server: server, Name: name, Position: position}, err
}
