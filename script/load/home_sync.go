package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// Filters of /sync: of members only those whose messages are shown; and as many messages
// at once as the server may give, so that none is left out.
const (
	lazy    = `{"room":{"state":{"lazy_load_members":true},"timeline":{"limit":20}}}`
	gapless = `{"room":{"timeline":{"limit":100}}}`
)

// How many initial syncs there are, and how many requests of other kinds at most.
const (
	initialSyncs = 20
	reads        = 2000
)

// syncing measures what clients read.
func (t *target) syncing(ctx context.Context) (all []figures, err error) {
	by, err := t.furnish(ctx)
	if err != nil {
		return nil, err
	}
	var now synced
	if err := t.ask(ctx, t.sync(by, url.Values{}), &now); err != nil {
		return nil, err
	}
	for _, next := range []source{
		t.initialSyncs(by, "", initialSyncs),
		t.initialSyncs(by, lazy, initialSyncs),
		upTo(reads, func(int) exchange {
			return exchange{request: t.sync(by, url.Values{"since": {now.Next}, "timeout": {"0"}})}
		}),
		upTo(reads, func(i int) exchange {
			return exchange{request: get(v3+"/rooms/"+url.PathEscape(t.roomIDs[i%len(t.roomIDs)])+"/messages?dir=b&limit=20", t.by(by))}
		}),
	} {
		f, err := t.hammer(ctx, 1, t.duration, next)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// sync is a request for what is new.
func (t *target) sync(by person, query url.Values) []byte {
	path := v3 + "/sync"
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return get(path, t.by(by))
}

// initialSyncs are n, each of which must have all rooms.
func (t *target) initialSyncs(by person, filter string, n int) source {
	query := url.Values{}
	if filter != "" {
		query.Set("filter", filter)
	}
	request := t.sync(by, query)
	return upTo(n, func(int) exchange {
		return exchange{request: request, take: func(a answer) error {
			got, err := readSync(a)
			if err == nil && len(got.Rooms.Join) != len(t.roomIDs) {
				err = fmt.Errorf("%w with %d rooms of %d", errRefused, len(got.Rooms.Join), len(t.roomIDs))
			}
			return err
		}}
	})
}

// synced is what is read of an answer of /sync.
type synced struct {
	Next  string `json:"next_batch"`
	Rooms struct {
		Join map[string]struct {
			Timeline struct {
				Events []struct {
					Content struct {
						Body string `json:"body"`
					} `json:"content"`
				} `json:"events"`
			} `json:"timeline"`
		} `json:"join"`
	} `json:"rooms"`
}

func readSync(a answer) (s synced, err error) {
	if err := a.hoped(http.StatusOK); err != nil {
		return s, err
	}
	return s, json.Unmarshal(a.body, &s)
}

// bodies are the messages in a room.
func (s synced) bodies(room string) (all []string) {
	for _, e := range s.Rooms.Join[room].Timeline.Events {
		all = append(all, e.Content.Body)
	}
	return all
}

// delivering measures the way of messages to one receiver, and to many.
func (t *target) delivering(ctx context.Context) (all []figures, err error) {
	for _, receivers := range []int{1, t.receivers} {
		f, err := t.deliver(ctx, receivers)
		if err != nil {
			return all, err
		}
		all = append(all, f)
	}
	return all, nil
}
