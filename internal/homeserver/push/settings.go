package push

import (
	"encoding/json"
	"fmt"
	"slices"

	"signet/internal/matrix"
)

// Settings are what a user has changed: rules of their own, the most important first, and
// what is different of the default rules. Defaults that come with a later release reach
// everybody. The zero Settings change nothing.
type Settings struct {
	Own     map[Kind][]Rule   `json:"own,omitempty"`
	Changed map[string]change `json:"changed,omitempty"` // by the id of a default rule
}

// change is what is different of a default rule.
type change struct {
	Enabled *bool     `json:"enabled,omitempty"`
	Actions *[]Action `json:"actions,omitempty"`
}

// ParseSettings reads what json.Marshal has written of Settings.
func ParseSettings(stored []byte) (Settings, error) {
	var s Settings
	if err := json.Unmarshal(stored, &s); err != nil {
		return Settings{}, fmt.Errorf("reading push rules: %w", err)
	}
	return s, nil
}

// Ruleset is what the user's clients are shown, and what counts.
func (s Settings) Ruleset(user matrix.UserID) Ruleset {
	all := defaults(user)
	for kind, rules := range all {
		for i := range rules {
			s.Changed[rules[i].ID].apply(&rules[i])
		}
		first := 0
		if kind == Override {
			first = 1 // the master
		}
		all[kind] = slices.Insert(rules, first, s.Own[kind]...)
	}
	return all
}

func (c change) apply(r *Rule) {
	if c.Enabled != nil {
		r.Enabled = *c.Enabled
	}
	if c.Actions != nil {
		r.Actions = *c.Actions
	}
}

// Put adds a rule of the user's, or changes the one of that id. It comes next before the
// rule that before names, or next after that of after; without them a new rule is the most
// important, and one that is there stays where it is. Whether a rule is enabled, Put leaves
// as it is.
func (s *Settings) Put(kind Kind, r Rule, before, after string) error {
	r.Default = false
	if err := r.check(kind); err != nil {
		return err
	}
	r.Actions = listed(r.Actions)
	rules := slices.Clone(s.Own[kind])
	at := indexOf(rules, r.ID)
	r.Enabled = at < 0 || rules[at].Enabled
	n, conditions := s.count()
	n, conditions = n+1, conditions+r.conditions()
	if at >= 0 {
		n, conditions = n-1, conditions-rules[at].conditions()
	}
	if n > maxRules || conditions > maxConditions {
		return ErrTooMany
	}
	if at >= 0 && before == "" && after == "" {
		rules[at] = r
		s.setOwn(kind, rules)
		return nil
	}
	if at >= 0 {
		rules = slices.Delete(rules, at, at+1)
	}
	place, err := placeOf(rules, before, after)
	if err != nil {
		return err
	}
	s.setOwn(kind, slices.Insert(rules, place, r))
	return nil
}

// placeOf is where a rule comes that is to be next to another.
func placeOf(rules []Rule, before, after string) (int, error) {
	switch {
	case before != "":
		if at := indexOf(rules, before); at >= 0 {
			return at, nil
		}
		return 0, ErrAnchor
	case after != "":
		if at := indexOf(rules, after); at >= 0 {
			return at + 1, nil
		}
		return 0, ErrAnchor
	}
	return 0, nil
}

// Delete takes a rule of the user's away.
func (s *Settings) Delete(kind Kind, id string) error {
	at := indexOf(s.Own[kind], id)
	if at < 0 {
		return ErrNotFound
	}
	s.setOwn(kind, slices.Delete(slices.Clone(s.Own[kind]), at, at+1))
	return nil
}

// Enable switches a rule on or off, the user's own or a default.
func (s *Settings) Enable(user matrix.UserID, kind Kind, id string, enabled bool) error {
	return s.edit(user, kind, id, func(r *Rule) { r.Enabled = enabled }, func(c *change) { c.Enabled = &enabled })
}

// SetActions changes what a rule does, the user's own or a default.
func (s *Settings) SetActions(user matrix.UserID, kind Kind, id string, actions []Action) error {
	if len(actions) > maxParts {
		return ErrAction
	}
	actions = listed(actions)
	return s.edit(user, kind, id, func(r *Rule) { r.Actions = actions }, func(c *change) { c.Actions = &actions })
}

func (s *Settings) edit(user matrix.UserID, kind Kind, id string, own func(*Rule), byDefault func(*change)) error {
	if at := indexOf(s.Own[kind], id); at >= 0 {
		rules := slices.Clone(s.Own[kind])
		own(&rules[at])
		s.setOwn(kind, rules)
		return nil
	}
	if indexOf(defaults(user)[kind], id) < 0 {
		return ErrNotFound
	}
	c := s.Changed[id]
	byDefault(&c)
	if s.Changed == nil {
		s.Changed = map[string]change{}
	}
	s.Changed[id] = c
	return nil
}

func (s *Settings) setOwn(kind Kind, rules []Rule) {
	if s.Own == nil {
		s.Own = map[Kind][]Rule{}
	}
	s.Own[kind] = rules
}

func (s *Settings) count() (rules, conditions int) {
	for _, own := range s.Own {
		rules += len(own)
		for _, r := range own {
			conditions += r.conditions()
		}
	}
	return rules, conditions
}

// conditions is how many the rule has.
func (r Rule) conditions() int {
	if r.Conditions == nil {
		return 0
	}
	return len(*r.Conditions)
}

// listed is a list even where there is nothing, as clients want it. What older versions had,
// dont_notify and coalesce, means nothing, and is shown as it was given.
func listed(actions []Action) []Action {
	if actions == nil {
		return []Action{}
	}
	return actions
}

func indexOf(rules []Rule, id string) int {
	return slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
}
