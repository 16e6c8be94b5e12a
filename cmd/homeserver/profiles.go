package main

import (
	"context"

	"signet/internal/homeserver/room"
	"signet/internal/homeserver/userdata"
	"signet/internal/homeserver/userdirectory"
	"signet/internal/matrix"
)

// profiles is what rooms ask of people's names and pictures.
type profiles struct{ data *userdata.Data }

func (p profiles) Profile(ctx context.Context, user matrix.UserID) (displayName, avatarURL string, err error) {
	profile, err := p.data.Profile(ctx, user)
	if err != nil {
		return "", "", err
	}
	return profile.Text(userdata.DisplayName), profile.Text(userdata.AvatarURL), nil
}

// follower carries a profile that has changed into the rooms of its user, and to where people
// are found by it.
type follower struct {
	rooms  *room.Rooms
	people *userdirectory.Directory
}

func (f follower) ProfileChanged(ctx context.Context, user matrix.UserID, _ userdata.Profile) error {
	f.people.Called(user)
	return f.rooms.ProfileChanged(ctx, user)
}
