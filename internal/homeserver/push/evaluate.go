package push

import (
	"encoding/json"

	"signet/internal/matrix"
)

// Place is where an event is, for the user who is asked about.
type Place struct {
	Members     int    // who have joined the room
	DisplayName string // of the user, in the room; empty if there is none
	// SenderMayNotify tells whether the event's sender has the power for notifications of
	// that key (m.room.power_levels, notifications).
	SenderMayNotify func(key string) bool
}

// Verdict is what becomes of an event.
type Verdict struct {
	Notify    bool
	Highlight bool
	Actions   []Action // of the rule that matched
}

// Rules are a user's rules, ready to be asked. They do not change.
type Rules struct {
	user  string
	rules []compiled
}

// compiled is a rule that is enabled.
type compiled struct {
	holds []func(*Event, Place) bool
	// unlessMentions has a rule pass events that say themselves who is meant.
	unlessMentions bool
	verdict        Verdict
}

// Compile makes rules of what a user sees of them.
func (s Ruleset) Compile(user matrix.UserID) *Rules {
	rules := &Rules{user: string(user)}
	for _, kind := range kinds {
		for _, r := range s[kind] {
			if r.Enabled {
				rules.rules = append(rules.rules, r.compile(kind))
			}
		}
	}
	return rules
}

func (r Rule) compile(kind Kind) compiled {
	c := compiled{unlessMentions: r.Default && supersededByMentions[r.ID], verdict: verdictOf(r.Actions)}
	switch kind {
	case Content:
		c.holds = append(c.holds, matches("content.body", r.Pattern))
	case Room:
		c.holds = append(c.holds, is("room_id", r.ID))
	case Sender:
		c.holds = append(c.holds, is("sender", r.ID))
	default:
		if r.Conditions != nil {
			for _, condition := range *r.Conditions {
				c.holds = append(c.holds, condition.holds())
			}
		}
	}
	return c
}

func is(member, want string) func(*Event, Place) bool {
	p := path{member}
	return func(e *Event, _ Place) bool {
		got, found := e.text(p)
		return found && got == want
	}
}

func verdictOf(actions []Action) Verdict {
	v := Verdict{Actions: actions}
	for _, a := range actions {
		switch {
		case a.Word == "notify":
			v.Notify = true
		case a.Tweak == "highlight":
			v.Highlight = truth(a.Value)
		}
	}
	v.Highlight = v.Highlight && v.Notify
	return v
}

// truth is the value of a highlight, which is true unless it says otherwise.
func truth(raw json.RawMessage) bool {
	if len(raw) == 0 {
		return true
	}
	var b bool
	return json.Unmarshal(raw, &b) == nil && b
}

// Evaluate says what becomes of an event: what the first rule says that matches. Nobody is
// notified of their own events.
func (r *Rules) Evaluate(e *Event, in Place) Verdict {
	if e.Sender == r.user {
		return Verdict{}
	}
	for i := range r.rules {
		if r.rules[i].match(e, in) {
			return r.rules[i].verdict
		}
	}
	return Verdict{}
}

func (c *compiled) match(e *Event, in Place) bool {
	if c.unlessMentions && e.mentions {
		return false
	}
	for _, holds := range c.holds {
		if !holds(e, in) {
			return false
		}
	}
	return true
}
