package push

import (
	"encoding/json"

	"signet/internal/matrix"
)

// supersededByMentions are the default rules that an event with m.mentions passes: it
// says itself who is meant.
var supersededByMentions = map[string]bool{
	".m.rule.contains_display_name": true,
	".m.rule.roomnotif":             true,
	".m.rule.contains_user_name":    true,
}

// master is more important than a user's own rules, unlike all other defaults.
const master = ".m.rule.master"

var (
	notify     = Action{Word: "notify"}
	sound      = Action{Tweak: "sound", Value: json.RawMessage(`"default"`)}
	ring       = Action{Tweak: "sound", Value: json.RawMessage(`"ring"`)}
	highlight  = Action{Tweak: "highlight"}
	displays   = Condition{Kind: containsDisplayName}
	twoMembers = Condition{Kind: roomMemberCount, Is: "2"}
	mayNotify  = Condition{Kind: senderMayNotifyOthers, Key: new("room")}
)

func match(key, pattern string) Condition {
	return Condition{Kind: eventMatch, Key: &key, Pattern: &pattern}
}

func property(kind, key string, v any) Condition {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // a string or a boolean
	}
	return Condition{Kind: kind, Key: &key, Value: raw}
}

func rule(id string, conditions []Condition, actions ...Action) Rule {
	if actions == nil {
		actions = []Action{}
	}
	return Rule{ID: id, Default: true, Enabled: true, Conditions: &conditions, Actions: actions}
}

func ofType(eventType string) []Condition { return []Condition{match("type", eventType)} }

// defaults are the rules of a user who has changed nothing (client-server API,
// "Predefined Rules"), the most important first.
func defaults(user matrix.UserID) Ruleset {
	off := rule(master, []Condition{})
	off.Enabled = false
	userName := rule(".m.rule.contains_user_name", nil, notify, sound, highlight)
	userName.Conditions, userName.Pattern = nil, user.Localpart()
	return Ruleset{
		Override: {
			off,
			rule(".m.rule.suppress_notices", []Condition{match("content.msgtype", "m.notice")}),
			rule(".m.rule.invite_for_me", []Condition{match("type", "m.room.member"), match("content.membership", "invite"),
				match("state_key", string(user))}, notify, sound),
			rule(".m.rule.member_event", ofType("m.room.member")),
			rule(".m.rule.is_user_mention", []Condition{property(propertyContains, `content.m\.mentions.user_ids`, user)}, notify, sound, highlight),
			rule(".m.rule.contains_display_name", []Condition{displays}, notify, sound, highlight),
			rule(".m.rule.is_room_mention", []Condition{property(propertyIs, `content.m\.mentions.room`, true), mayNotify}, notify, highlight),
			rule(".m.rule.roomnotif", []Condition{match("content.body", "@room"), mayNotify}, notify, highlight),
			rule(".m.rule.tombstone", []Condition{match("type", "m.room.tombstone"), match("state_key", "")}, notify, highlight),
			rule(".m.rule.reaction", ofType("m.reaction")),
			rule(".m.rule.room.server_acl", []Condition{match("type", "m.room.server_acl"), match("state_key", "")}),
			rule(".m.rule.suppress_edits", []Condition{property(propertyIs, `content.m\.relates_to.rel_type`, "m.replace")}),
		},
		Content: {userName},
		Room:    {},
		Sender:  {},
		Underride: {
			rule(".m.rule.call", ofType("m.call.invite"), notify, ring),
			rule(".m.rule.encrypted_room_one_to_one", []Condition{twoMembers, match("type", "m.room.encrypted")}, notify, sound),
			rule(".m.rule.room_one_to_one", []Condition{twoMembers, match("type", "m.room.message")}, notify, sound),
			rule(".m.rule.message", ofType("m.room.message"), notify),
			rule(".m.rule.encrypted", ofType("m.room.encrypted"), notify),
		},
	}
}
