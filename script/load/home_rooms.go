package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
)

// The first of the crowd are the senders. The owner of the rooms of an initial sync, and
// the reader who joins them, are in no other room.
const (
	owner  = connections
	reader = connections + 1
	cast   = connections + 2 // how many they are together
)

// eventsInRoom is how many messages each room of the initial sync has.
const eventsInRoom = 10

// gathering measures rooms that are created, and joined.
func (t *target) gathering(ctx context.Context) ([]figures, error) {
	people, err := t.crowd(ctx, cast)
	if err != nil {
		return nil, err
	}
	created, err := t.createRooms(ctx, people[owner])
	if err != nil {
		return nil, err
	}
	many, err := t.hammer(ctx, connections, forever, upTo(t.rooms, func(i int) exchange {
		return t.creation(people[i%connections], i, func(string) {})
	}))
	if err != nil {
		return nil, err
	}
	joined, err := t.joinRooms(ctx, people[reader])
	return []figures{created, many, joined}, err
}

// createRooms makes the rooms of the initial sync.
func (t *target) createRooms(ctx context.Context, by person) (figures, error) {
	return t.hammer(ctx, 1, forever, upTo(t.rooms, func(i int) exchange {
		return t.creation(by, i, func(room string) { t.roomIDs = append(t.roomIDs, room) })
	}))
}

func (t *target) joinRooms(ctx context.Context, by person) (figures, error) {
	return t.hammer(ctx, 1, forever, upTo(len(t.roomIDs), func(i int) exchange {
		return exchange{request: post(v3+"/join/"+url.PathEscape(t.roomIDs[i]), t.by(by), "{}")}
	}))
}

// creation is a public room with a name and a topic.
func (t *target) creation(by person, i int, made func(room string)) exchange {
	body := fmt.Sprintf(`{"preset":"public_chat","name":"Room %d","topic":"What is said under load"}`, i)
	return exchange{request: post(v3+"/createRoom", t.by(by), body), take: func(a answer) error {
		var got struct {
			Room string `json:"room_id"`
		}
		if err := json.Unmarshal(a.body, &got); err != nil || got.Room == "" {
			return a.hoped(http.StatusOK)
		}
		made(got.Room)
		return nil
	}}
}

// room is one in which all these people are.
func (t *target) room(ctx context.Context, people []person) (room string, err error) {
	created := upTo(1, func(i int) exchange {
		return t.creation(people[0], i, func(made string) { room = made })
	})
	if _, err := hammer(ctx, []string{t.server.addr}, 1, forever, created); err != nil {
		return "", err
	}
	joins := upTo(len(people)-1, func(i int) exchange {
		return exchange{request: post(v3+"/join/"+url.PathEscape(room), t.by(people[1+i]), "{}")}
	})
	_, err = hammer(ctx, []string{t.server.addr}, connections, forever, joins)
	return room, err
}

// furnish sees to it that the rooms of the initial sync are there, with what was said in
// them, and returns who reads it.
func (t *target) furnish(ctx context.Context) (person, error) {
	people, err := t.crowd(ctx, cast)
	if err != nil || t.filled {
		return people[reader], err
	}
	if len(t.roomIDs) == 0 {
		if _, err := t.createRooms(ctx, people[owner]); err != nil {
			return person{}, err
		}
		if _, err := t.joinRooms(ctx, people[reader]); err != nil {
			return person{}, err
		}
	}
	messages := upTo(eventsInRoom*len(t.roomIDs), func(i int) exchange {
		return exchange{request: t.message(people[owner], t.roomIDs[i%len(t.roomIDs)], text)}
	})
	_, err = hammer(ctx, []string{t.server.addr}, connections, forever, messages)
	t.filled = err == nil
	return people[reader], err
}

// text is as long as what people write to each other.
const text = "See you at the station at a quarter to nine, then."

// sending measures messages to one room, by one sender and by several.
func (t *target) sending(ctx context.Context) (all []figures, err error) {
	people, err := t.crowd(ctx, cast)
	if err != nil {
		return nil, err
	}
	for _, senders := range []int{1, connections} {
		room, err := t.room(ctx, people[:senders])
		if err != nil {
			return nil, err
		}
		var turn atomic.Int64
		f, err := t.hammer(ctx, senders, t.duration, func() (exchange, bool) {
			by := people[int(turn.Add(1))%senders]
			return exchange{request: t.message(by, room, text)}, true
		})
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// message is a request that sends one, with a transaction ID of its own.
func (t *target) message(by person, room, body string) []byte {
	path := v3 + "/rooms/" + url.PathEscape(room) + "/send/m.room.message/" + t.name()
	return put(path, t.by(by), fmt.Sprintf(`{"msgtype":"m.text","body":%q}`, body))
}
