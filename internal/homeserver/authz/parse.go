package authz

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"signet/internal/homeserver/event"
)

// maxLevel is the largest level. Versions that do not enforce canonical JSON let larger
// ones pass, which then count as this: they are above all the same.
const maxLevel = math.MaxInt64 - 1

// ParsePowerLevels reads the content of an m.room.power_levels, which must be canonical
// JSON. The error is ErrLevelsFormat or ErrLevelsUsers: since version 10 the rules ask
// for integers everywhere, before for users alone; a level that is no number in any
// spelling could not be compared there either. A map of levels that is no map was no
// rule's business before version 10, and says nothing.
func ParsePowerLevels(v event.Version, content event.Value) (*PowerLevels, error) {
	p := &PowerLevels{}
	for name, value := range content.Members() {
		if err := p.read(v, name, value); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *PowerLevels) read(v event.Version, name string, value event.Value) error {
	ok := true
	switch name {
	case "users":
		if p.users, ok = parseUsers(v, value); !ok {
			return ErrLevelsUsers
		}
	case "events":
		p.events, ok = parseMap(v, value)
	case "notifications":
		// Where no rule guards them, bad levels here are no reason to refuse.
		p.notifications, ok = parseMap(v, value)
		ok = ok || !v.NotificationLevels()
	default:
		if n := slices.Index(names[:], name); n >= 0 {
			p.named[n].value, ok = parseLevel(v, value)
			p.named[n].set = true
		}
	}
	return allowIf(ok, ErrLevelsFormat)
}

func parseUsers(v event.Version, users event.Value) (map[string]int64, bool) {
	levels, ok := parseMap(v, users)
	ok = ok && users.IsObject()
	for user := range levels {
		ok = ok && event.ValidUserID(user)
	}
	return levels, ok
}

// parseMap reads levels by name. Those that are no levels are left out, and ok is false.
func parseMap(v event.Version, object event.Value) (levels map[string]int64, ok bool) {
	if !object.IsObject() {
		return nil, !v.IntegerPowerLevels()
	}
	levels, ok = map[string]int64{}, true
	for name, value := range object.Members() {
		level, isLevel := parseLevel(v, value)
		if !isLevel {
			ok = false
			continue
		}
		levels[name] = level
	}
	return levels, ok
}

// parseLevel reads a level: an integer, or before version 10 text that spells one, or
// before version 6 a float, which is cut ("Deprecated event content schemas" of the
// versions).
func parseLevel(v event.Version, value event.Value) (int64, bool) {
	text, isText := value.Text()
	switch {
	case isText && v.IntegerPowerLevels():
		return 0, false
	case isText:
		return parseInteger(strings.TrimSpace(text))
	case v.StrictJSON():
		return parseInteger(string(value))
	}
	if level, ok := parseInteger(string(value)); ok {
		return level, true
	}
	float, err := strconv.ParseFloat(string(value), 64)
	if err != nil || math.IsNaN(float) || math.IsInf(float, 0) {
		return 0, false
	}
	return bounded(math.Trunc(float)), true
}

// parseInteger reads digits with a sign or without. Beyond 64 bits it is the largest or
// the smallest level.
func parseInteger(text string) (int64, bool) {
	digits := text
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") {
		digits = text[1:]
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	// Out of range, the nearest that is in range comes with the error.
	n, _ := strconv.ParseInt(text, 10, 64)
	return min(n, maxLevel), true
}

func bounded(float float64) int64 {
	switch {
	case float >= maxLevel:
		return maxLevel
	case float <= math.MinInt64:
		return math.MinInt64
	}
	return int64(float)
}
