package push

import (
	"slices"
	"strings"
)

// Inherit has one room notify as another does, which it replaces: rules of the user's for
// that room are there for this one too, each next to the first. Rules that this one has
// stay as they are. The error is ErrTooMany.
func (s *Settings) Inherit(from, to string) error {
	for _, kind := range kinds {
		for _, r := range slices.Clone(s.Own[kind]) {
			heir, of := r.inherited(kind, from, to)
			if !of || indexOf(s.Own[kind], heir.ID) >= 0 {
				continue
			}
			if err := s.Put(kind, heir, "", r.ID); err != nil {
				return err
			}
			s.Own[kind][indexOf(s.Own[kind], heir.ID)].Enabled = r.Enabled
		}
	}
	return nil
}

// inherited is the rule for one room that a rule for another becomes, if it is one: by its
// id or, where rules have them, by a condition.
func (r Rule) inherited(kind Kind, from, to string) (heir Rule, of bool) {
	if kind == Room {
		of, r.ID = r.ID == from, to
		return r, of
	}
	if r.Conditions == nil {
		return r, false
	}
	conditions := slices.Clone(*r.Conditions)
	for i, c := range conditions {
		if c.Kind == eventMatch && *c.Key == "room_id" && *c.Pattern == from {
			conditions[i].Pattern, of = &to, true
		}
	}
	r.Conditions = &conditions
	if id := strings.ReplaceAll(r.ID, from, to); id != r.ID {
		r.ID = id
	} else {
		r.ID += "." + to
	}
	return r, of && len(r.ID) <= maxText
}
