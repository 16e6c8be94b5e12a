package userdirectory

import (
	"strings"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// person is somebody who is in a room.
type person struct {
	id     matrix.UserID
	folded string // the user id, folded, without the @
	local  *label // the localpart
	ours   bool   // of this server
	label  *label // what they call themselves, if ours; nil is nothing
	seats  []seat
}

// seat is a person in a room.
type seat struct {
	in    *place
	label *label // what those not of this server are called there; nil is nothing
}

// place is a room.
type place struct {
	id        matrix.RoomID
	public    bool // anybody may join
	residents int  // people of this server in it: without them nothing is known of it any more
}

// isOpen tells whether everybody here may see who is in the room.
func (p *place) isOpen() bool { return p.public && p.residents > 0 }

// index is everybody and where they are.
type index struct {
	server matrix.ServerName
	people map[matrix.UserID]*person
	places map[matrix.RoomID]*place
	labels map[matrix.UserID]*label // of this server's users, in a room or not
}

func newIndex(server matrix.ServerName) *index {
	return &index{
		server: server,
		people: map[matrix.UserID]*person{},
		places: map[matrix.RoomID]*place{},
		labels: map[matrix.UserID]*label{},
	}
}

func (x *index) place(id matrix.RoomID) *place {
	p := x.places[id]
	if p == nil {
		p = &place{id: matrix.RoomID(strings.Clone(string(id)))}
		x.places[p.id] = p
	}
	return p
}

// seat puts somebody into a room.
func (x *index) seat(m room.Member) {
	p := x.people[m.User]
	if p == nil {
		p = x.newPerson(m.User)
		x.people[p.id] = p
	}
	s := seat{in: x.place(m.Room)}
	if p.ours {
		s.in.residents++
	} else {
		s.label = p.called(m.DisplayName, m.AvatarURL)
	}
	p.seats = append(p.seats, s)
}

func (x *index) newPerson(user matrix.UserID) *person {
	id := matrix.UserID(strings.Clone(string(user)))
	p := &person{id: id, folded: fold(strings.TrimPrefix(string(id), "@")), local: newLabel(id.Localpart(), ""), ours: id.Server() == x.server}
	p.label = x.labels[id]
	return p
}

// called is a label, one for all rooms in which somebody has the same.
func (p *person) called(name, avatar string) *label {
	if name == "" && avatar == "" {
		return nil
	}
	l := newLabel(name, avatar)
	for _, s := range p.seats {
		if s.label != nil && s.label.name == l.name && s.label.avatar == l.avatar {
			return s.label
		}
	}
	return l
}

// remove takes somebody out of all rooms.
func (x *index) remove(user matrix.UserID) {
	p := x.people[user]
	if p == nil {
		return
	}
	for _, s := range p.seats {
		if p.ours {
			s.in.residents--
		}
	}
	delete(x.people, user)
}

// call sets what a user of this server calls themselves.
func (x *index) call(user matrix.UserID, name, avatar string) {
	var l *label
	delete(x.labels, user)
	if name != "" || avatar != "" {
		l = newLabel(name, avatar)
		x.labels[user] = l
	}
	if p := x.people[user]; p != nil && p.ours {
		p.label = l
	}
}

// open sets whether anybody may join a room.
func (x *index) open(id matrix.RoomID, public bool) { x.place(id).public = public }
