package idclient

import (
	"context"
	"net/http"

	"signet/internal/matrix"
	"signet/internal/threepid"
)

// Bind has a user found by the address of a validated session. Only the user may, with the
// token that opened the session.
func (c *Client) Bind(ctx context.Context, at Server, token string, s Session, user matrix.UserID) error {
	body := struct {
		SID          string        `json:"sid"`
		ClientSecret string        `json:"client_secret"`
		User         matrix.UserID `json:"mxid"`
	}{s.SID, s.ClientSecret, user}
	return c.ask(ctx, call{to: at, as: Account(token), method: http.MethodPost, path: v2 + "/3pid/bind", body: body}, &done{})
}

// BindUser has a user of this homeserver found by the address of a session that it opened itself
// to sign them up, with Bind. Said again it is no error while it holds.
func (c *Client) BindUser(ctx context.Context, at Server, s Session, user matrix.UserID) error {
	body := struct {
		User         matrix.UserID `json:"user_id"`
		SID          string        `json:"sid"`
		ClientSecret string        `json:"client_secret"`
		stamp
	}{user, s.SID, s.ClientSecret, c.stamp()}
	return c.ask(ctx, call{to: at, method: http.MethodPost, path: ours + "/users/bind", body: body}, &done{})
}

// Unbind has a user of this homeserver found by an address no longer, on the homeserver's word.
func (c *Client) Unbind(ctx context.Context, at Server, user matrix.UserID, address threepid.Address) error {
	type pid struct {
		Medium  threepid.Medium `json:"medium"`
		Address string          `json:"address"`
	}
	body := struct {
		User matrix.UserID `json:"mxid"`
		PID  pid           `json:"threepid"`
	}{user, pid{address.Medium(), address.String()}}
	return c.ask(ctx, call{to: at, method: http.MethodPost, path: v2 + "/3pid/unbind", body: body}, &done{})
}

// UnbindUser has a user of this homeserver found by no address any more. An identity server
// that has no such call answers with a fedclient.Refusal that is Unrecognized.
func (c *Client) UnbindUser(ctx context.Context, at Server, user matrix.UserID) error {
	body := struct {
		User matrix.UserID `json:"user_id"`
		stamp
	}{user, c.stamp()}
	return c.ask(ctx, call{to: at, method: http.MethodPost, path: ours + "/users/unbind", body: body}, &done{})
}
