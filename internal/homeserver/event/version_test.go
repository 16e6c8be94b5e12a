package event_test

import (
	"errors"
	"testing"

	"signet/internal/homeserver/event"
)

// The feature matrix of the specification's "Room Versions".
func TestRulesByVersion(t *testing.T) {
	for _, c := range []struct {
		rule     string
		has      func(event.Version) bool
		from, to event.Version
	}{
		{"EventIDInEvent", event.Version.EventIDInEvent, 1, 2},
		{"RedactionAuthorised", event.Version.RedactionAuthorised, 1, 2},
		{"URLSafeEventIDs", event.Version.URLSafeEventIDs, 4, 12},
		{"KeyValidity", event.Version.KeyValidity, 5, 12},
		{"StrictJSON", event.Version.StrictJSON, 6, 12},
		{"AliasesRule", event.Version.AliasesRule, 1, 5},
		{"NotificationLevels", event.Version.NotificationLevels, 6, 12},
		{"Knocking", event.Version.Knocking, 7, 12},
		{"RestrictedJoins", event.Version.RestrictedJoins, 8, 12},
		{"KnockRestricted", event.Version.KnockRestricted, 10, 12},
		{"IntegerPowerLevels", event.Version.IntegerPowerLevels, 10, 12},
		{"CreatorInContent", event.Version.CreatorInContent, 1, 10},
		{"RedactsInContent", event.Version.RedactsInContent, 11, 12},
		{"PrivilegedCreators", event.Version.PrivilegedCreators, 12, 12},
		{"RoomIDFromCreate", event.Version.RoomIDFromCreate, 12, 12},
		{"state resolution 1", func(v event.Version) bool { return v.StateResolution() == event.StateV1 }, 1, 1},
		{"state resolution 2", func(v event.Version) bool { return v.StateResolution() == event.StateV2 }, 2, 11},
		{"state resolution 2.1", func(v event.Version) bool { return v.StateResolution() == event.StateV21 }, 12, 12},
	} {
		for _, v := range event.Versions() {
			if got, want := c.has(v), v >= c.from && v <= c.to; got != want {
				t.Errorf("version %s: %s = %t", v, c.rule, got)
			}
		}
	}
}

func TestParseVersion(t *testing.T) {
	for _, v := range event.Versions() {
		if got, err := event.ParseVersion(v.String()); got != v || err != nil {
			t.Errorf("ParseVersion(%q) = %s, %v", v.String(), got, err)
		}
	}
	for _, s := range []string{"", "0", "13", "01", "+1", "1.0", "-1", "org.matrix.msc4242.12", "256", "257", " 1", "Ⅰ"} {
		if got, err := event.ParseVersion(s); !errors.Is(err, event.ErrVersion) {
			t.Errorf("ParseVersion(%q) = %s, %v", s, got, err)
		}
	}
	if _, err := event.Version(13).Parse([]byte(`{}`)); !errors.Is(err, event.ErrVersion) {
		t.Errorf("Parse in version 13 = %v", err)
	}
	if _, err := event.Version(0).Build(message(event.V1), ours); !errors.Is(err, event.ErrVersion) {
		t.Errorf("Build in version 0 = %v", err)
	}
}
