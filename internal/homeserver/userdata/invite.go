package userdata

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

// permissionType is whose invitations a user wants (client-server API, "Invite permission").
const permissionType = "m.invite_permission_config"

// ErrInviteBlocked says that a user wants no invitations.
var ErrInviteBlocked = errors.New("the user takes no invitations")

// Welcomes tells whether a user of this server takes an invitation, from whomever. The error
// is ErrInviteBlocked. What a client stored that is no such configuration blocks nobody.
func (d *Data) Welcomes(ctx context.Context, target matrix.UserID) error {
	content, err := d.AccountData(ctx, Place{User: target}, permissionType)
	switch {
	case errors.Is(err, ErrNone):
		return nil
	case err != nil:
		return err
	}
	if blocksInvites(content) {
		return ErrInviteBlocked
	}
	return nil
}

// blocksInvites tells whether the content of an m.invite_permission_config says so, however it is
// written.
func blocksInvites(content jsontext.Value) bool {
	var config struct {
		DefaultAction jsontext.Value `json:"default_action"`
	}
	var action string
	return json.Unmarshal(content, &config) == nil && json.Unmarshal(config.DefaultAction, &action) == nil && action == "block"
}
