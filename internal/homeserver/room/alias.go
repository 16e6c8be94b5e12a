package room

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet/internal/homeserver/event"
	"signet/internal/matrix"
	"signet/internal/store"
)

// ErrUnknownAlias says that an alias leads nowhere here.
var ErrUnknownAlias = errors.New("there is no such room alias")

// alias is a name that an operation gives a room.
type alias struct{ name, creator string }

const maxAlias = 255 // octets

// checkAlias checks the form of an alias, #localpart:server.
func checkAlias(name string) error {
	local, server, found := strings.Cut(strings.TrimPrefix(name, "#"), ":")
	_, err := matrix.ParseServerName(server)
	if !found || name[0] != '#' || local == "" || len(name) > maxAlias || strings.ContainsFunc(local, unfit) || err != nil {
		return ErrAliasFormat
	}
	return nil
}

func unfit(r rune) bool { return r <= ' ' || r == 0x7f || r == '\uFFFD' }

// reserve keeps an alias that a new room asks for from others, until release.
func (rs *Rooms) reserve(ctx context.Context, c Creation) (name string, release func(), err error) {
	if c.AliasName == "" {
		return "", func() {}, nil
	}
	name = "#" + c.AliasName + ":" + rs.ServerName.String()
	if strings.Contains(c.AliasName, ":") || checkAlias(name) != nil {
		return "", nil, ErrAliasFormat
	}
	if release, err = rs.names.Take(ctx, name); err != nil {
		return "", nil, err
	}
	if _, err := rs.RoomOfAlias(ctx, name); !errors.Is(err, ErrUnknownAlias) {
		release()
		if err == nil {
			err = ErrAliasTaken
		}
		return "", nil, err
	}
	return name, release, nil
}

// RoomOfAlias is the id of the room that an alias of this server leads to. Errors:
// ErrAliasFormat, ErrUnknownAlias.
func (rs *Rooms) RoomOfAlias(ctx context.Context, name string) (roomID string, err error) {
	if err := checkAlias(name); err != nil {
		return "", err
	}
	found, err := selectAlias(ctx, rs.DB, name)
	if err != nil {
		return "", fmt.Errorf("reading an alias: %w", err)
	}
	if found.roomID == "" {
		return "", ErrUnknownAlias
	}
	return found.roomID, nil
}

// PutAlias gives a room a name. Any user of this server may, as long as nobody has the
// name. Errors: ErrUnknownRoom, ErrAliasFormat (which one of another server is), ErrAliasTaken.
func (rs *Rooms) PutAlias(ctx context.Context, user matrix.UserID, name, roomID string) error {
	if err := checkAlias(name); err != nil {
		return err
	}
	if event.ServerOf(name) != rs.ServerName {
		return ErrAliasFormat
	}
	if _, err := rs.Room(roomID); err != nil {
		return err
	}
	release, err := rs.names.Take(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	put := false
	err = rs.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		put, err = insertAlias(ctx, tx, name, roomID, user, rs.Now())
		return err
	})
	if err != nil {
		return fmt.Errorf("storing an alias: %w", err)
	}
	if !put {
		return ErrAliasTaken
	}
	return nil
}

// DeleteAlias takes a name away again: its creator may, and whoever may set the room's
// canonical alias. If that was the name, it is set anew without. Errors: ErrAliasFormat, ErrUnknownAlias,
// ErrMayNot.
func (rs *Rooms) DeleteAlias(ctx context.Context, user matrix.UserID, name string) error {
	if err := checkAlias(name); err != nil {
		return err
	}
	found, err := selectAlias(ctx, rs.DB, name)
	if err != nil {
		return fmt.Errorf("reading an alias: %w", err)
	}
	if found.roomID == "" {
		return ErrUnknownAlias
	}
	r, err := rs.Room(found.roomID)
	if err != nil {
		return err
	}
	may, err := rs.may(ctx, r, user, aliasType)
	if err != nil {
		return err
	}
	if !may && found.creator != string(user) {
		return ErrMayNot
	}
	if err := deleteAlias(ctx, rs.DB, name); err != nil {
		return fmt.Errorf("deleting an alias: %w", err)
	}
	if !may {
		return nil
	}
	return rs.withdraw(ctx, r, user, name)
}

// withdraw takes an alias out of the room's m.room.canonical_alias.
func (rs *Rooms) withdraw(ctx context.Context, r *Room, user matrix.UserID, name string) error {
	key := ""
	_, err := rs.act(ctx, r, func(t *tip) (draft, error) {
		now := t.Event(aliasType, "")
		if now == nil {
			return draft{}, settledError{}
		}
		content, changed := without(now, name)
		if !changed {
			return draft{}, settledError{}
		}
		return draft{typ: aliasType, stateKey: &key, sender: string(user), content: content}, nil
	})
	if isRefusal(err) { // who may no longer do so leaves it
		return nil
	}
	return err
}

// without is the content of an m.room.canonical_alias without one alias.
func without(e *event.Event, name string) (content []byte, changed bool) {
	all := members(e.Content())
	if main, _ := e.Field("alias").Text(); main == name {
		delete(all, "alias")
		changed = true
	}
	var kept []string
	for _, alt := range altAliases(e.Field("alt_aliases")) {
		if alt == name {
			changed = true
			continue
		}
		kept = append(kept, alt)
	}
	if kept == nil {
		delete(all, "alt_aliases")
	} else {
		all["alt_aliases"] = marshal(kept)
	}
	return marshal(all), changed
}

func altAliases(list event.Value) []string {
	values, _ := list.Elements()
	var aliases []string
	for _, value := range values {
		if alias, isText := value.Text(); isText {
			aliases = append(aliases, alias)
		}
	}
	return aliases
}

// Aliases are the names of a room on this server, for its members, and for everybody if
// its history is world_readable. Errors: ErrUnknownRoom, ErrNotInRoom.
func (rs *Rooms) Aliases(ctx context.Context, user matrix.UserID, roomID string) ([]string, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return nil, err
	}
	if rs.stay(user, r).Membership != Join {
		l, err := rs.load(ctx, r)
		if err != nil {
			return nil, err
		}
		if l.view.visibility() != worldReadable {
			return nil, ErrNotInRoom
		}
	}
	names, err := selectAliases(ctx, rs.DB, roomID)
	if err != nil {
		return nil, fmt.Errorf("reading aliases: %w", err)
	}
	return names, nil
}

// checkAliases checks the aliases that an m.room.canonical_alias adds: each must lead to
// the room (client-server API, m.room.canonical_alias).
func (rs *Rooms) checkAliases(ctx context.Context, r *Room, s Sending) error {
	if s.Type != aliasType || s.StateKey == nil || *s.StateKey != "" {
		return nil
	}
	canonical, err := event.Canonical(s.Content, true)
	if err != nil {
		return err
	}
	named := altAliases(event.Value(canonical).Field("alt_aliases"))
	if main, isText := event.Value(canonical).Field("alias").Text(); isText && main != "" {
		named = append(named, main)
	}
	slices.Sort(named)
	for _, name := range slices.Compact(named) { // the same may stand there thousands of times
		id, err := rs.RoomOfAlias(ctx, name)
		if errors.Is(err, ErrUnknownAlias) || err == nil && id != r.id {
			return ErrBadAlias
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// may tells whether a user may send a state event of a type.
func (rs *Rooms) may(ctx context.Context, r *Room, user matrix.UserID, typ string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadLocked(ctx, r)
	if err != nil {
		return false, err
	}
	levels := l.tip.PowerLevels()
	return levels != nil && l.tip.membership(string(user)) == Join && levels.User(string(user)) >= levels.Event(typ, true), nil
}
