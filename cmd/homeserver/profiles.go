package main

import (
	"context"

	"signet/internal/homeserver/room"
	"signet/internal/homeserver/userdata"
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

// follower carries a profile that has changed into the rooms of its user.
type follower struct{ rooms *room.Rooms }

func (f follower) ProfileChanged(ctx context.Context, user matrix.UserID, _ userdata.Profile) error {
	return f.rooms.ProfileChanged(ctx, user)
}
