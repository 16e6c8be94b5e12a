package room

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
)

// planner collects the events of a new room.
type planner struct {
	Creation
	version event.Version
	drafts  []draft
}

func (p *planner) state(typ, key string, content []byte) {
	p.drafts = append(p.drafts, draft{typ: typ, stateKey: &key, sender: string(p.Creator), content: content})
}

// createContent is what the m.room.create says. Where creators are privileged, those whom
// a trusted_private_chat invites are creators too.
func (p *planner) createContent() []byte {
	content := members(p.CreationContent)
	content["room_version"] = quote(nil, p.version.String())
	delete(content, "creator")
	if p.version.CreatorInContent() {
		content["creator"] = quote(nil, string(p.Creator))
	}
	if p.version.PrivilegedCreators() && p.Preset == TrustedPrivateChat {
		var creators []string
		if said, there := content["additional_creators"]; there && json.Unmarshal(said, &creators) != nil {
			return marshal(content) // which the rules refuse
		}
		for _, user := range p.Invite {
			if id := string(user); !slices.Contains(creators, id) && user != p.Creator {
				creators = append(creators, id)
			}
		}
		content["additional_creators"] = marshal(creators)
		if len(creators) == 0 {
			delete(content, "additional_creators")
		}
	}
	return marshal(content)
}

// The power levels of a new room, beside the defaults of the specification.
const (
	administrator  = 100
	moderator      = 50
	aboveTombstone = 150 // where creators are privileged: "explicitly higher than state_default"
)

// levels is what the m.room.power_levels says: what initial_state has for it, or else the
// usual levels with those on top that were asked for.
func (p *planner) levels() []byte {
	for _, s := range p.InitialState {
		if s.Type == levelsType && s.StateKey == "" {
			return s.Content
		}
	}
	tombstone := administrator
	if p.version.PrivilegedCreators() {
		tombstone = aboveTombstone
	}
	invite := 0
	if p.Preset == PublicChat { // whoever wants to can come; to let in others is for moderators, should that end
		invite = moderator
	}
	levels := members(marshal(map[string]any{
		"users_default": 0, "events_default": 0, "state_default": moderator,
		"ban": moderator, "kick": moderator, "redact": moderator, "invite": invite, "historical": administrator,
		"users": p.levelsOfUsers(),
		"events": map[string]int{
			nameType: moderator, avatarType: moderator, aliasType: moderator, levelsType: administrator,
			visibilityType: administrator, encryptionType: administrator, aclType: administrator, tombstoneType: tombstone,
		},
	}))
	for name, value := range members(p.PowerLevels) {
		levels[name] = value
	}
	return marshal(levels)
}

// levelsOfUsers is the creator's level, and in a trusted_private_chat that of the invited.
// Privileged creators have none.
func (p *planner) levelsOfUsers() map[string]int {
	users := map[string]int{}
	if p.version.PrivilegedCreators() {
		return users
	}
	users[string(p.Creator)] = administrator
	if p.Preset == TrustedPrivateChat {
		for _, user := range p.Invite {
			users[string(user)] = administrator
		}
	}
	return users
}

// presets are the state events of the preset that initial_state does not have. A public chat
// is closed to guests, which a room is that says nothing of them (client-server API,
// m.room.guest_access).
func (p *planner) presets() {
	joinRule := "invite"
	if p.Preset == PublicChat {
		joinRule = "public"
	}
	p.preset(joinRulesType, object("join_rule", joinRule))
	p.preset(visibilityType, object("history_visibility", "shared"))
	if p.Preset != PublicChat {
		p.preset(guestType, object("guest_access", "can_join"))
	}
}

func (p *planner) preset(typ string, content []byte) {
	given := slices.ContainsFunc(p.InitialState, func(s StateEvent) bool { return s.Type == typ && s.StateKey == "" })
	if !given {
		p.state(typ, "", content)
	}
}

// topicContent is a topic, as plain text in both of its forms (client-server API,
// m.room.topic).
func topicContent(topic string) []byte {
	text := []map[string]string{{"body": topic}}
	return marshal(map[string]jsontext.Value{
		"topic":   quote(nil, topic),
		"m.topic": marshal(map[string]any{"m.text": text}),
	})
}
