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

// Directory is a key directory, which proves what it says of servers, as keydirectory.Directory is.
type Directory interface {
	// Proven is the newest document of a server that was proven here before, with its proof; nil
	// where none was.
	Proven(ctx context.Context, server matrix.ServerName) (jsontext.Value, error)
	// Vouched asks the directory for the documents of a server, and gives those that are proven.
	Vouched(ctx context.Context, server matrix.ServerName, id matrix.KeyID, at time.Time) ([]jsontext.Value, error)
}

// Options is what a Notary stands on.
type Options struct {
	ServerName matrix.ServerName
	Asker      Asker
	// Own is our own document, signed.
	Own func(context.Context) ([]byte, error)
	// Signer is the key that signs now.
	Signer func(context.Context) (event.Signer, error)
	// Directory, if set, has documents whose proof is given on with them.
	Directory Directory
	Now       func() time.Time
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
	proven := n.proven(ctx, w.Server)
	if latest(kept.validUntil, proven.ValidUntil).Before(until) && !now.Before(kept.tried.Add(again)) {
		kept.tried = now
		if d, err := n.fetch(ctx, w.Server); err == nil {
			kept.json, kept.validUntil = d.JSON, d.ValidUntil
		} else {
			proven = n.ask(ctx, w.Server, until, proven)
		}
	}
	if proven.JSON != nil && !proven.ValidUntil.Before(kept.validUntil) {
		return proven.JSON, nil
	}
	if kept.json == nil {
		return nil, errNone
	}
	return kept.json, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// proven is the document of a server that was proven before, with its proof as its JSON; the zero
// value where none was. It is not kept here: it counts while nothing stands against its log.
func (n *Notary) proven(ctx context.Context, server matrix.ServerName) serverkeys.Document {
	if n.Directory == nil {
		return serverkeys.Document{}
	}
	document, err := n.Directory.Proven(ctx, server)
	if err != nil || document == nil {
		return serverkeys.Document{} // then what was fetched from the server itself has to do
	}
	return newest(server, serverkeys.Document{}, document)
}

// ask asks the directory about a server that cannot be asked itself, of which a document was
// proven before, or the zero value. What does not hold is an alarm of the directory's.
func (n *Notary) ask(ctx context.Context, server matrix.ServerName, until time.Time, before serverkeys.Document) serverkeys.Document {
	if n.Directory == nil {
		return before
	}
	documents, err := n.Directory.Vouched(ctx, server, "", until)
	if err != nil {
		return serverkeys.Document{}
	}
	return newest(server, before, documents...)
}

// newest is the document that is valid for longest, with what came with it as its JSON.
func newest(server matrix.ServerName, of serverkeys.Document, documents ...jsontext.Value) serverkeys.Document {
	for _, text := range documents {
		if d, err := serverkeys.Parse(server, text); err == nil && !d.ValidUntil.Before(of.ValidUntil) {
			of, of.JSON = d, text
		}
	}
	return of
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
