package room

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// Creation is a wish for a new room (client-server API, createRoom). What is empty is left
// to the preset; contents are JSON objects.
type Creation struct {
	Creator         matrix.UserID
	Version         string // empty is Options.DefaultVersion
	Preset          Preset
	Name            string
	Topic           string
	AliasName       string // the localpart of an alias here
	Listed          bool   // in the published directory
	Direct          bool
	Invite          []matrix.UserID
	InitialState    []StateEvent
	CreationContent []byte
	PowerLevels     []byte // on top of the usual ones
	// WithoutOthers leaves the invitations of users of other servers to the caller. That
	// the room would allow them is checked.
	WithoutOthers bool

	lastLevels []byte // power levels that are set when all else is
}

// StateEvent is a state event that a new room shall have.
type StateEvent struct {
	Type     string
	StateKey string
	Content  []byte
}

// Preset is a set of rules that a room begins with.
type Preset string

// The presets of the specification.
const (
	PrivateChat        Preset = "private_chat"
	TrustedPrivateChat Preset = "trusted_private_chat"
	PublicChat         Preset = "public_chat"
)

// What creating refuses, beside what authz.Check and event.Build do.
var (
	ErrPreset       = errors.New("there is no such preset")
	ErrInitialState = errors.New("initial_state holds what the server makes itself")
	ErrManyInvites  = errors.New("too many users are invited at once")
	ErrAliasTaken   = errors.New("the room alias is taken")
	ErrContent      = errors.New("not a JSON object")
	ErrRoomState    = errors.New("the room that was asked for breaks its own rules")
)

// maxInvites is how many users a new room may invite, each of them an event.
const maxInvites = 100

// Create makes a room and returns its id once everybody concerned can see it. Errors:
// event.ErrVersion, ErrPreset, ErrInitialState, ErrManyInvites, ErrAliasTaken,
// ErrAliasFormat, ErrContent, ErrUserID, ErrRoomState, and those of event.Build.
func (rs *Rooms) Create(ctx context.Context, c Creation) (roomID string, err error) {
	v, err := rs.checkCreation(&c)
	if err != nil {
		return "", err
	}
	alias, release, err := rs.reserve(ctx, c)
	if err != nil {
		return "", err
	}
	defer release()
	plan, err := rs.plan(ctx, v, c, alias)
	if err != nil {
		return "", err
	}
	err = rs.again(ctx, func() (*stream.Ticket, error) {
		var ticket *stream.Ticket
		ticket, roomID, err = rs.create(ctx, v, c, plan, alias)
		return ticket, err
	})
	return roomID, err
}

// checkCreation refuses what can be refused without looking further, and settles what is
// left open.
func (rs *Rooms) checkCreation(c *Creation) (v event.Version, err error) {
	v = rs.DefaultVersion
	if c.Version != "" {
		if v, err = event.ParseVersion(c.Version); err != nil {
			return 0, err
		}
	}
	switch c.Preset {
	case "":
		c.Preset = PrivateChat
		if c.Listed {
			c.Preset = PublicChat
		}
	case PrivateChat, TrustedPrivateChat, PublicChat:
	default:
		return 0, ErrPreset
	}
	if len(c.Invite) > maxInvites {
		return 0, ErrManyInvites
	}
	for _, user := range c.Invite {
		if !event.ValidUserID(string(user)) {
			return 0, ErrUserID
		}
	}
	return v, c.checkContents()
}

func (c *Creation) checkContents() error {
	for _, s := range c.InitialState {
		if s.Type == createType || s.Type == memberType {
			return ErrInitialState
		}
		if members(s.Content) == nil {
			return ErrContent
		}
	}
	for _, content := range []*[]byte{&c.CreationContent, &c.PowerLevels} {
		if len(*content) == 0 {
			*content = []byte("{}")
		}
		if members(*content) == nil {
			return ErrContent
		}
	}
	return nil
}

// create builds a room outside of every lock and queues it as one operation, so that there
// never is half a room.
func (rs *Rooms) create(ctx context.Context, v event.Version, c Creation, plan []draft, name string) (*stream.Ticket, string, error) {
	signer, err := rs.Signer(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("reading the signing key: %w", err)
	}
	r := &Room{version: v}
	if !v.RoomIDFromCreate() {
		r.id = "!" + rand.Text()[:18] + ":" + rs.ServerName.String()
	}
	op := &operation{room: r, loaded: newLoaded(), creates: true, listed: c.Listed}
	if name != "" {
		op.alias = &alias{name: name, creator: string(c.Creator)}
	}
	if err := rs.buildAll(ctx, op, plan, signer); err != nil {
		return nil, "", err
	}
	ticket, err := rs.addNew(op)
	return ticket, r.id, err
}

// buildAll builds the events of a new room one upon the other. From its first event on the
// room is known by its id, so that nobody else takes that, nor loads the room a second time
// when it is stored; after an error it is not.
func (rs *Rooms) buildAll(ctx context.Context, op *operation, plan []draft, signer event.Signer) error {
	for i, d := range plan {
		if i == 0 {
			d.later = rs.later()
		}
		s, _, err := rs.build(ctx, op.room, &op.loaded.tip, d, signer)
		if err == nil && i == 0 && !rs.claim(op.room, s.RoomID()) {
			err = errTwin
		}
		if err != nil {
			rs.disclaim(op.room)
			return d.refused(err)
		}
		if d.trial {
			continue
		}
		op.loaded.tip.follow(s)
		op.events = append(op.events, s)
	}
	op.extremities = op.events[len(op.events)-1].ID()
	return nil
}

// later is how many milliseconds later than now a room pretends to begin, so that no two
// begin at the same: where the id is made of what a room's first event says, two that are
// begun alike would be one.
func (rs *Rooms) later() int64 {
	now := rs.Now().UnixMilli()
	for {
		last := rs.begun.Load()
		next := max(now, last+1)
		if rs.begun.CompareAndSwap(last, next) {
			return next - now
		}
	}
}

// errTwin is a clock that was turned back to where a room was begun alike.
var errTwin = errors.New("another room has the id of a new one")

// claim gives a room its id, unless another has it.
func (rs *Rooms) claim(r *Room, id string) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.rooms[id] != nil {
		return false
	}
	r.id = id
	rs.rooms[id] = r
	return true
}

func (rs *Rooms) disclaim(r *Room) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.rooms[r.id] == r {
		delete(rs.rooms, r.id)
	}
}

// addNew queues a new room.
func (rs *Rooms) addNew(op *operation) (*stream.Ticket, error) {
	r := op.room
	r.listed.Store(op.listed)
	r.mu.Lock()
	defer r.mu.Unlock()
	op.loaded.size.Store(op.loaded.measure())
	rs.keep(r, op.loaded)
	ticket, _, err := rs.add(op)
	if err != nil {
		rs.disclaim(r)
		rs.drop(r)
	}
	return ticket, err
}

// refused says that a room could not be made as it was asked for, where it is the rules
// of the room itself that do not allow it.
func (d draft) refused(err error) error {
	if isRefusal(err) {
		return fmt.Errorf("%w: %s: %w", ErrRoomState, d.typ, err)
	}
	return err
}

// plan is the events of a new room, in the order of the specification.
func (rs *Rooms) plan(ctx context.Context, v event.Version, c Creation, alias string) ([]draft, error) {
	profile, err := rs.profile(ctx, c.Creator)
	if err != nil {
		return nil, err
	}
	p := planner{version: v, Creation: c}
	p.state(createType, "", p.createContent())
	p.state(memberType, string(c.Creator), object(append(profile, "membership", Join)...))
	p.state(levelsType, "", p.levels())
	if alias != "" {
		p.state(aliasType, "", object("alias", alias))
	}
	p.presets()
	for _, s := range c.InitialState {
		if s.Type != levelsType || s.StateKey != "" {
			p.state(s.Type, s.StateKey, s.Content)
		}
	}
	if c.lastLevels != nil {
		p.state(levelsType, "", c.lastLevels)
	}
	if c.Name != "" {
		p.state(nameType, "", object("name", c.Name))
	}
	if c.Topic != "" {
		p.state(topicType, "", topicContent(c.Topic))
	}
	if err := rs.planInvites(ctx, &p); err != nil {
		return nil, err
	}
	return p.drafts, nil
}

func (rs *Rooms) planInvites(ctx context.Context, p *planner) error {
	for i, user := range p.Invite {
		if slices.Contains(p.Invite[:i], user) {
			continue
		}
		if err := rs.invitable(ctx, p.Creator, user); err != nil {
			return err
		}
		profile, err := rs.profile(ctx, user)
		if err != nil {
			return err
		}
		p.state(memberType, string(user), Membership{Content: p.InviteContent()}.content(Invite, object(profile...)))
		p.drafts[len(p.drafts)-1].trial = p.WithoutOthers && !rs.local(string(user))
	}
	return nil
}

// InviteContent is what the invitations into the room say beside that they are such; nil for
// nothing.
func (c *Creation) InviteContent() []byte {
	if !c.Direct {
		return nil
	}
	return []byte(`{"is_direct":true}`)
}
