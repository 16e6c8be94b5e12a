package event

import (
	"encoding/json"
	"slices"
)

// What redaction leaves of an event (specification, "Redactions" of each room version),
// beside the content.
var (
	keptMembers = []string{"auth_events", "content", "depth", "event_id", "hashes", "membership", "origin",
		"origin_server_ts", "prev_events", "prev_state", "room_id", "sender", "signatures", "state_key", "type"}
	keptMembersV11 = []string{"auth_events", "content", "depth", "event_id", "hashes",
		"origin_server_ts", "prev_events", "room_id", "sender", "signatures", "state_key", "type"}
)

// keptLevels are the members of m.room.power_levels that redaction leaves. The level of
// invite joins them in version 11.
var keptLevels = []string{"ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"}

// redact is what redaction leaves of an event.
func (v Version) redact(event object) object {
	kept := keptMembers
	if v >= V11 {
		kept = keptMembersV11
	}
	event = event.only(func(name string) bool { return slices.Contains(kept, name) })
	for i, m := range event {
		if m.is("content") {
			event[i].value = v.redactContent(string(unquoted(event.find("type"))), m.value)
		}
	}
	return event
}

// RedactContent is what redaction leaves of the content of a type's events.
func (v Version) RedactContent(typ string, content json.RawMessage) json.RawMessage {
	return v.redactContent(typ, content)
}

// redactContent is what redaction leaves of the content of a type's events.
func (v Version) redactContent(typ string, content []byte) []byte {
	keep := v.keptContent(typ)
	if keep == nil || len(content) == 2 {
		return []byte("{}")
	}
	members, err := split(content)
	if err != nil {
		return []byte("{}")
	}
	members = members.only(keep)
	if invite := members.find("third_party_invite"); invite != nil {
		members = redactInvite(members, invite)
	}
	return members.bytes()
}

// keptContent tells which members of a type's content redaction leaves, nil for none.
func (v Version) keptContent(typ string) func(name string) bool {
	switch typ {
	case "m.room.member":
		return func(name string) bool {
			return name == "membership" || v >= V9 && name == "join_authorised_via_users_server" ||
				v >= V11 && name == "third_party_invite"
		}
	case "m.room.create":
		return func(name string) bool { return v >= V11 || name == "creator" }
	case "m.room.join_rules":
		return func(name string) bool { return name == "join_rule" || v.RestrictedJoins() && name == "allow" }
	case "m.room.power_levels":
		return func(name string) bool { return slices.Contains(keptLevels, name) || v >= V11 && name == "invite" }
	case "m.room.history_visibility":
		return func(name string) bool { return name == "history_visibility" }
	case "m.room.aliases":
		return func(name string) bool { return v.AliasesRule() && name == "aliases" }
	case "m.room.redaction":
		return func(name string) bool { return v.RedactsInContent() && name == "redacts" }
	}
	return nil
}

// redactInvite leaves of a membership's third_party_invite what proves it, signed. What
// is no object proves nothing.
func redactInvite(content object, invite []byte) object {
	members, err := split(invite)
	if err != nil {
		return content.without("third_party_invite")
	}
	return content.with("third_party_invite", members.only(func(name string) bool { return name == "signed" }).bytes())
}
