package authz

// Refusal is the rule that forbids an event. All errors of the package are refusals.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Refusals of m.room.create (rule 1).
const (
	ErrCreatePrev     Refusal = "m.room.create follows other events"
	ErrCreateDomain   Refusal = "m.room.create: room id and sender are of different servers"
	ErrCreateVersion  Refusal = "m.room.create: room_version is not known"
	ErrCreateCreator  Refusal = "m.room.create: creator is missing"
	ErrCreateCreators Refusal = "m.room.create: additional_creators is not a list of user ids"
)

// Refusals for the events that an event cites (rule 2; rules 2 and 3 since version 12).
const (
	ErrAuthDuplicate Refusal = "auth_events cites two events for one type and state key"
	ErrAuthUnneeded  Refusal = "auth_events cites an event that authorisation does not need"
	ErrAuthRejected  Refusal = "auth_events cites a rejected event"
	ErrAuthRoom      Refusal = "auth_events cites an event of another room"
	ErrNoCreate      Refusal = "the room's m.room.create is not there"
)

// Refusals of events of any type.
const (
	ErrNotFederated Refusal = "the room does not federate and sender is of another server"
	ErrNotJoined    Refusal = "sender has not joined the room"
	ErrLevel        Refusal = "sender's power level does not suffice for events of this type"
	ErrStateKey     Refusal = "state_key is the id of another user"
	ErrAliases      Refusal = "m.room.aliases: state_key is not the sender's server"
	ErrRedactLevel  Refusal = "m.room.redaction: sender may not redact events of others"
	ErrUnreadable   Refusal = "the room's m.room.power_levels cannot be read"
)

// Refusals of m.room.member.
const (
	ErrMembership     Refusal = "m.room.member: state_key or a known membership is missing"
	ErrNotSelf        Refusal = "m.room.member: one can join and knock only for oneself"
	ErrBanned         Refusal = "m.room.member: the user is banned"
	ErrJoinRule       Refusal = "m.room.member: the join rule does not let the user join"
	ErrAuthoriser     Refusal = "m.room.member: join_authorised_via_users_server is nobody who could invite"
	ErrInviteLevel    Refusal = "m.room.member: sender's power level does not suffice to invite"
	ErrInviteTarget   Refusal = "m.room.member: the invited user is joined or banned"
	ErrInviteSigned   Refusal = "m.room.member: third_party_invite lacks signed, with mxid and token"
	ErrInviteUser     Refusal = "m.room.member: third_party_invite is for another user"
	ErrInviteToken    Refusal = "m.room.member: there is no m.room.third_party_invite of that token"
	ErrInviteSender   Refusal = "m.room.member: another user made the m.room.third_party_invite"
	ErrInviteUnsigned Refusal = "m.room.member: third_party_invite is not signed by a key of its invitation"
	ErrLeave          Refusal = "m.room.member: one can leave only what one joined or was asked into"
	ErrUnbanLevel     Refusal = "m.room.member: sender's power level does not suffice to unban"
	ErrKickLevel      Refusal = "m.room.member: sender's power level does not suffice to kick the user"
	ErrBanLevel       Refusal = "m.room.member: sender's power level does not suffice to ban the user"
	ErrKnockRule      Refusal = "m.room.member: the join rule does not allow knocking"
	ErrKnockMember    Refusal = "m.room.member: a user who is banned, invited or joined cannot knock"
)

// ErrThirdPartyLevel is the refusal of an m.room.third_party_invite.
const ErrThirdPartyLevel Refusal = "m.room.third_party_invite: sender's power level does not suffice to invite"

// Refusals of m.room.power_levels.
const (
	ErrLevelsFormat  Refusal = "m.room.power_levels: a level is not an integer"
	ErrLevelsUsers   Refusal = "m.room.power_levels: users is not an object of user ids and integers"
	ErrLevelsCreator Refusal = "m.room.power_levels: users names a creator of the room"
	ErrLevelsAbove   Refusal = "m.room.power_levels: sender changes a level above their own"
	ErrLevelsRaise   Refusal = "m.room.power_levels: sender sets a level above their own"
	ErrLevelsPeer    Refusal = "m.room.power_levels: sender changes the level of a user who is not below them"
)
