package notary

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/matrix"
	"signet/internal/serverkeys"
)

// Asker asks other servers, as fedclient.Client does.
type Asker interface {
	Do(ctx context.Context, r fedclient.Request) (fedclient.Response, error)
}

// Options is what a Notary stands on.
type Options struct {
	ServerName matrix.ServerName
	Asker      Asker
	// Own is our own document, signed.
	Own func(context.Context) ([]byte, error)
	// Signer is the key that signs now.
	Signer func(context.Context) (event.Signer, error)
	Now    func() time.Time
}

// Notary vouches for keys. It is safe for concurrent use.
type Notary struct {
	Options
	shelf  shelf
	places chan struct{} // of servers that are being asked
}

const (
	// MaxServers is how many servers one may ask for at once.
	MaxServers = 20
	// asked is how many servers are asked at a time.
	asked = 8
	// timeout is how long a server may take.
	timeout = 10 * time.Second
	// again is when a server is asked again whose keys will not do, or which has failed.
	again = time.Minute
	// maxDocument is the longest document that is read.
	maxDocument = 64 << 10
)

// New makes a Notary.
func New(o Options) *Notary { return &Notary{Options: o, places: make(chan struct{}, asked)} }

// errNone says that a server's keys cannot be had.
var errNone = errors.New("the server's keys cannot be had")

// Wanted is a question for the keys of a server.
type Wanted struct {
	Server matrix.ServerName
	// Until is when the keys should be valid at least; they are asked for again if they are
	// not. They may be less long valid all the same.
	Until time.Time
}

// Documents are the keys of servers, each document signed by its server and by us, in the
// order in which they are wanted. Those that cannot be had are missing. What is wanted beyond
// MaxServers is passed over.
func (n *Notary) Documents(ctx context.Context, wanted []Wanted) ([]jsontext.Value, error) {
	signer, err := n.Signer(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	found := make([][]byte, min(len(wanted), MaxServers))
	var asking sync.WaitGroup
	for i := range found {
		asking.Go(func() { found[i], _ = n.document(ctx, wanted[i]) })
	}
	asking.Wait()
	documents := []jsontext.Value{}
	for _, document := range found {
		if document == nil {
			continue
		}
		signed, err := signer.Key.Sign(n.ServerName, document)
		if err != nil {
			return nil, fmt.Errorf("signing another server's keys: %w", err)
		}
		documents = append(documents, signed)
	}
	return documents, nil
}

// document is that of one server. Who has the lock of what is kept of it asks for all others.
func (n *Notary) document(ctx context.Context, w Wanted) ([]byte, error) {
	if w.Server == n.ServerName {
		return n.Own(ctx)
	}
	kept := n.shelf.take(w.Server)
	kept.mu.Lock()
	defer kept.mu.Unlock()
	now := n.Now()
	until := w.Until
	if until.Before(now) {
		until = now
	}
	if kept.validUntil.Before(until) && !now.Before(kept.tried.Add(again)) {
		kept.tried = now
		if d, err := n.fetch(ctx, w.Server); err == nil {
			kept.json, kept.validUntil = d.JSON, d.ValidUntil
		}
	}
	if kept.json == nil {
		return nil, errNone
	}
	return kept.json, nil
}

// fetch asks a server for its document.
func (n *Notary) fetch(ctx context.Context, server matrix.ServerName) (d serverkeys.Document, err error) {
	select {
	case n.places <- struct{}{}:
		defer func() { <-n.places }()
	case <-ctx.Done():
		return d, ctx.Err()
	}
	// Others wait for it too, so that it goes on when this one is gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	answer, err := n.Asker.Do(ctx, fedclient.Request{Server: server, Method: http.MethodGet, Path: "/_matrix/key/v2/server", MaxBytes: maxDocument})
	if err != nil {
		return d, err
	}
	if answer.Status != http.StatusOK {
		return d, errNone
	}
	return serverkeys.Parse(server, answer.Body)
}
