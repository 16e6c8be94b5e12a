package authz

import "signet/internal/homeserver/event"

// member is the rule for m.room.member (5 in room versions 1 to 5 and 12, else 4).
func (c check) member() error {
	target, isState := c.e.StateKey()
	membership, isText := c.e.Field("membership").Text()
	if !isState || !isText {
		return ErrMembership
	}
	m := memberCheck{check: c, sender: c.e.Sender(), target: target}
	switch {
	case membership == "join":
		return m.join()
	case membership == "invite" && c.e.Field("third_party_invite").Exists():
		return m.thirdPartyInvite(c.e.Field("third_party_invite"))
	case membership == "invite":
		return m.invite()
	case membership == "leave":
		return m.leave()
	case membership == "ban":
		return m.ban()
	case membership == "knock" && c.v.Knocking():
		return m.knock()
	}
	return ErrMembership
}

// memberCheck is the question whether sender may give target a membership.
type memberCheck struct {
	check
	sender, target string
}

func (m memberCheck) join() error {
	prev := m.e.PrevEvents()
	if len(prev) == 1 && prev[0] == m.create.ID() && isCreator(m.create, m.target) {
		return nil
	}
	if m.sender != m.target {
		return ErrNotSelf
	}
	membership := m.membership(m.target)
	if membership == "ban" {
		return ErrBanned
	}
	invited := membership == "invite" || membership == "join"
	switch rule := m.joinRule(); {
	case rule == "public":
		return nil
	case rule == "invite", rule == "knock" && m.v.Knocking():
		return allowIf(invited, ErrJoinRule)
	case rule == "restricted" && m.v.RestrictedJoins(), rule == "knock_restricted" && m.v.KnockRestricted():
		if invited {
			return nil
		}
		return m.authorised()
	}
	return ErrJoinRule
}

// joinRule is the room's join rule; one that has none is for the invited.
func (m memberCheck) joinRule() string {
	rules := m.auth.Event("m.room.join_rules", "")
	if rules == nil || !rules.Field("join_rule").Exists() {
		return "invite"
	}
	rule, _ := rules.Field("join_rule").Text()
	return rule
}

// authorised is what lets a user into a restricted room without invitation: a member who
// could have invited them. That their server signed the event, event.Verify has seen.
func (m memberCheck) authorised() error {
	authoriser, _ := m.e.Field("join_authorised_via_users_server").Text()
	if m.membership(authoriser) != "join" {
		return ErrAuthoriser
	}
	levels, err := m.levels()
	if err != nil {
		return err
	}
	return allowIf(levels.User(authoriser) >= levels.Invite(), ErrAuthoriser)
}

func (m memberCheck) invite() error {
	if m.membership(m.sender) != "join" {
		return ErrNotJoined
	}
	if membership := m.membership(m.target); membership == "join" || membership == "ban" {
		return ErrInviteTarget
	}
	levels, err := m.levels()
	if err != nil {
		return err
	}
	return allowIf(levels.User(m.sender) >= levels.Invite(), ErrInviteLevel)
}

func (m memberCheck) leave() error {
	membership := m.membership(m.target)
	if m.sender == m.target {
		mayLeave := membership == "invite" || membership == "join" || membership == "knock" && m.v.Knocking()
		return allowIf(mayLeave, ErrLeave)
	}
	if m.membership(m.sender) != "join" {
		return ErrNotJoined
	}
	levels, err := m.levels()
	if err != nil {
		return err
	}
	own := levels.User(m.sender)
	if membership == "ban" && own < levels.Ban() {
		return ErrUnbanLevel
	}
	return allowIf(own >= levels.Kick() && levels.User(m.target) < own, ErrKickLevel)
}

func (m memberCheck) ban() error {
	if m.membership(m.sender) != "join" {
		return ErrNotJoined
	}
	levels, err := m.levels()
	if err != nil {
		return err
	}
	own := levels.User(m.sender)
	return allowIf(own >= levels.Ban() && levels.User(m.target) < own, ErrBanLevel)
}

func (m memberCheck) knock() error {
	rule := m.joinRule()
	if rule != "knock" && !(rule == "knock_restricted" && m.v.KnockRestricted()) {
		return ErrKnockRule
	}
	if m.sender != m.target {
		return ErrNotSelf
	}
	switch m.membership(m.sender) {
	case "ban", "invite", "join":
		return ErrKnockMember
	}
	return nil
}

// thirdPartyInvite is the rule for an invitation that stems from one to a third-party
// identifier, which the signature of an identity server turns into one of a user.
func (m memberCheck) thirdPartyInvite(invite event.Value) error {
	if m.membership(m.target) == "ban" {
		return ErrBanned
	}
	signed := invite.Field("signed")
	mxid, hasUser := signed.Field("mxid").Text()
	token, hasToken := signed.Field("token").Text()
	if !hasUser || !hasToken {
		return ErrInviteSigned
	}
	if mxid != m.target {
		return ErrInviteUser
	}
	origin := m.auth.Event("m.room.third_party_invite", token)
	if origin == nil {
		return ErrInviteToken
	}
	if origin.Sender() != m.sender {
		return ErrInviteSender
	}
	return allowIf(signedByAny(signed, publicKeys(origin)), ErrInviteUnsigned)
}

// StemsFrom tells whether an invitation of a user stems from one to a third-party identifier, by
// all of its rule but who is banned. The error is a Refusal.
func StemsFrom(e, invite *event.Event) error {
	target, _ := e.StateKey()
	auth := event.StateMap{}
	auth.Add(invite)
	m := memberCheck{check: check{e: e, v: e.Version(), auth: auth}, sender: e.Sender(), target: target}
	return m.thirdPartyInvite(e.Field("third_party_invite"))
}
