package clientapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/mxhttp"
)

type enabled struct {
	Enabled bool `json:"enabled"`
}

// RoomVersions is which versions of rooms the server has: the one of new rooms, and all,
// each "stable" or "unstable".
type RoomVersions struct {
	Default   string            `json:"default"`
	Available map[string]string `json:"available"`
}

type capabilitiesAnswer struct {
	Capabilities struct {
		ChangePassword enabled      `json:"m.change_password"`
		ThreepidChange enabled      `json:"m.3pid_changes"`
		LoginToken     enabled      `json:"m.get_login_token"`
		DisplayName    enabled      `json:"m.set_displayname"`
		AvatarURL      enabled      `json:"m.set_avatar_url"`
		ProfileFields  enabled      `json:"m.profile_fields"`
		RoomVersions   RoomVersions `json:"m.room_versions"`
	} `json:"capabilities"`
}

// GET /_matrix/client/v3/capabilities
func (a *API) capabilities(c echo.Context, _ account.Device) error {
	var answer capabilitiesAnswer
	can := &answer.Capabilities
	for _, capability := range []*enabled{&can.ChangePassword, &can.DisplayName, &can.AvatarURL, &can.ProfileFields} {
		capability.Enabled = true
	}
	can.ThreepidChange.Enabled = len(a.Trusted) > 0
	can.LoginToken.Enabled = a.GrantTokens
	can.RoomVersions = a.RoomVersions
	return mxhttp.Reply(c, http.StatusOK, answer)
}
