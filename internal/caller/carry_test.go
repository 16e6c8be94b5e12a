package caller_test

import (
	"errors"
	"testing"

	"signet/internal/caller"
	"signet/internal/matrix"
)

// What was accepted elsewhere counts here where it is the same document, and is
// recorded once.
func TestCarriedTerms(t *testing.T) {
	each(t, func(s *story) {
		s.Terms = caller.Terms{"privacy_policy": {Version: "2", Languages: map[string]caller.Translation{
			"en": {Name: "Privacy", URL: "https://example.org/privacy-2"},
			"de": {Name: "Datenschutz", URL: "https://example.org/datenschutz-2"},
		}}}
		batch := []caller.Acceptance{
			{User: alice, URL: "https://example.org/datenschutz-2", Accepted: s.clock.Now()},
			{User: "@bob:example.org", URL: "https://example.org/privacy-1"},
			{User: "@carol:example.org", URL: "https://example.org/privacy-2"},
		}
		want := caller.Carried{Added: 2, Unknown: 1}
		if got, err := s.CompareAccepted(s.Context(), batch); err != nil || got != want {
			s.Errorf("CompareAccepted = %+v, %v; want %+v", got, err, want)
		}
		if err := s.CheckTerms(s.Context(), alice); !errors.Is(err, caller.ErrTermsNotSigned) {
			s.Errorf("comparing made the terms accepted: %v", err)
		}
		if got, err := s.Carry(s.Context(), batch); err != nil || got != want {
			s.Errorf("Carry = %+v, %v; want %+v", got, err, want)
		}
		again := caller.Carried{Same: 2, Unknown: 1}
		if got, err := s.Carry(s.Context(), batch); err != nil || got != again {
			s.Errorf("Carry again = %+v, %v; want %+v", got, err, again)
		}
		if got, err := s.CompareAccepted(s.Context(), batch); err != nil || got != again {
			s.Errorf("CompareAccepted again = %+v, %v; want %+v", got, err, again)
		}
		for user, want := range map[matrix.UserID]error{"@alice:example.org": nil, "@bob:example.org": caller.ErrTermsNotSigned, "@carol:example.org": nil} {
			if err := s.CheckTerms(s.Context(), user); !errors.Is(err, want) {
				s.Errorf("terms of %s = %v, want %v", user, err, want)
			}
		}
	})
}
