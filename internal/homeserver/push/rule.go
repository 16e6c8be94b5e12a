package push

import (
	"encoding/json"
	"errors"
	"strings"
)

// Kind is a kind of rule.
type Kind string

// The kinds, in the order in which they are asked.
const (
	Override  Kind = "override"
	Content   Kind = "content"
	Room      Kind = "room"
	Sender    Kind = "sender"
	Underride Kind = "underride"
)

var kinds = []Kind{Override, Content, Room, Sender, Underride}

// What is wrong with a rule.
var (
	ErrKind      = errors.New("no such kind of push rule")
	ErrNotFound  = errors.New("the push rule was not found")
	ErrRuleID    = errors.New("a rule_id has 1 to 255 octets, begins with no dot and has no slash or backslash")
	ErrAnchor    = errors.New("before or after names no rule of the user's of that kind")
	ErrPattern   = errors.New("a pattern has 1 to 255 octets, and rules of the kind content need one")
	ErrAction    = errors.New("an action is a string, or an object with set_tweak")
	ErrCondition = errors.New("a condition is an object with a kind, and with what that needs")
	ErrTooMany   = errors.New("there are too many push rules")
)

const (
	// maxText is how many octets a rule's id and pattern may have.
	maxText = 255
	// maxRules is how many rules of their own a user may have.
	maxRules = 500
	// maxParts is how many conditions and how many actions a rule may have.
	maxParts = 20
	// maxConditions is how many conditions all those rules may have: each is held against
	// each event.
	maxConditions = 1000
)

// ParseKind is a kind as it stands in a path.
func ParseKind(s string) (Kind, error) {
	for _, k := range kinds {
		if string(k) == s {
			return k, nil
		}
	}
	return "", ErrKind
}

// Rule is one rule, in the shape of the API (PushRule).
type Rule struct {
	ID      string `json:"rule_id"`
	Default bool   `json:"default"`
	Enabled bool   `json:"enabled"`
	// Conditions are of rules of the kinds override and underride, and nil in others.
	Conditions *[]Condition `json:"conditions,omitempty"`
	// Pattern is of rules of the kind content.
	Pattern string   `json:"pattern,omitempty"`
	Actions []Action `json:"actions"`
}

// Ruleset is all rules of a user by their kind, the most important first.
type Ruleset map[Kind][]Rule

// Find returns a rule, or ErrNotFound.
func (s Ruleset) Find(kind Kind, id string) (Rule, error) {
	for _, r := range s[kind] {
		if r.ID == id {
			return r, nil
		}
	}
	return Rule{}, ErrNotFound
}

// check holds a user's own rule against the limits, and leaves out what its kind does not
// have.
func (r *Rule) check(kind Kind) error {
	switch {
	case len(r.ID) == 0, len(r.ID) > maxText, r.ID[0] == '.', strings.ContainsAny(r.ID, `/\`):
		return ErrRuleID
	case kind == Content && (r.Pattern == "" || len(r.Pattern) > maxText):
		return ErrPattern
	case len(r.Actions) > maxParts:
		return ErrAction
	}
	if kind != Content {
		r.Pattern = ""
	}
	if kind != Override && kind != Underride {
		r.Conditions = nil
		return nil
	}
	return r.checkConditions()
}

func (r *Rule) checkConditions() error {
	if r.Conditions == nil {
		r.Conditions = &[]Condition{}
	}
	if len(*r.Conditions) > maxParts {
		return ErrCondition
	}
	for _, c := range *r.Conditions {
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}

// Action is what a rule does: a word, or a tweak with its value.
type Action struct {
	Word  string // "notify", or another that means nothing here
	Tweak string // as "sound" and "highlight"
	Value json.RawMessage
}

type tweak struct {
	SetTweak *string         `json:"set_tweak"`
	Value    json.RawMessage `json:"value,omitempty"`
}

// UnmarshalJSON reads both forms.
func (a *Action) UnmarshalJSON(b []byte) error {
	*a = Action{}
	if json.Unmarshal(b, &a.Word) == nil && a.Word != "" {
		return nil
	}
	var t tweak
	if err := json.Unmarshal(b, &t); err != nil || t.SetTweak == nil || len(b) > 4*maxText {
		return ErrAction
	}
	a.Tweak, a.Value = *t.SetTweak, t.Value
	return nil
}

// MarshalJSON writes the form that was read.
func (a Action) MarshalJSON() ([]byte, error) {
	if a.Word != "" {
		return json.Marshal(a.Word)
	}
	return json.Marshal(tweak{&a.Tweak, a.Value})
}
