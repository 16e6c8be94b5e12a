package authz

import (
	"slices"

	"signet/internal/homeserver/event"
)

// checkCreate is rule 1, on the event that a room begins with.
func checkCreate(e *event.Event) error {
	v := e.Version()
	if len(e.PrevEvents()) > 0 {
		return ErrCreatePrev
	}
	// That there is no room_id where the id comes from the event, event.Parse has seen to.
	if !v.RoomIDFromCreate() && event.ServerOf(e.RoomID()) != event.ServerOf(e.Sender()) {
		return ErrCreateDomain
	}
	if _, err := RoomVersion(e); err != nil {
		return ErrCreateVersion
	}
	if v.CreatorInContent() && !e.Field("creator").Exists() {
		return ErrCreateCreator
	}
	if _, ok := additionalCreators(e); !ok {
		return ErrCreateCreators
	}
	return nil
}

// RoomVersion is the version that a room's m.room.create gives it. The error is
// event.ErrVersion.
func RoomVersion(create *event.Event) (event.Version, error) {
	said := create.Field("room_version")
	if !said.Exists() {
		return event.V1, nil
	}
	text, _ := said.Text()
	return event.ParseVersion(text)
}

// Creators are the users whom a room's m.room.create makes its creators. Up to version 11
// that is one.
func Creators(create *event.Event) []string {
	if create.Version().CreatorInContent() {
		creator, _ := create.Field("creator").Text()
		return []string{creator}
	}
	more, _ := additionalCreators(create)
	return append([]string{create.Sender()}, more...)
}

// additionalCreators are those whom a version with privileged creators knows; false if
// they are not a list of user ids.
func additionalCreators(create *event.Event) ([]string, bool) {
	said := create.Field("additional_creators")
	if !create.Version().PrivilegedCreators() || !said.Exists() {
		return nil, true
	}
	values, ok := said.Elements()
	users := make([]string, 0, len(values))
	for _, value := range values {
		user, isText := value.Text()
		ok = ok && isText && event.ValidUserID(user)
		users = append(users, user)
	}
	return users, ok
}

// isCreator tells whether the user made the room, and may join it first.
func isCreator(create *event.Event, user string) bool {
	return slices.Index(Creators(create), user) == 0
}
