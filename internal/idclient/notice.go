package idclient

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"signet/internal/matrix"
	"signet/internal/threepid"
)

// NoticeKind is what a Notice is about.
type NoticeKind string

// The kinds of notices.
const (
	NewLogin    NoticeKind = "login"
	NewPassword NoticeKind = "password"
	NewAddress  NoticeKind = "address_added"
	OldAddress  NoticeKind = "address_removed"
)

// Notice is word to the owner of an address of what happened to their account. The address is
// one that the owner has shown to this homeserver, which asked for that as itself.
type Notice struct {
	Kind     NoticeKind
	ID       string    // told again by it, the same is told of once
	At       time.Time // when it was
	Address  threepid.Address
	User     matrix.UserID // of this homeserver
	Device   string        // as whoever did it calls theirs; empty where they do not
	Client   netip.Addr    // where they were; zero where that is not known
	Language string        // of the notice (BCP 47); empty where that is not known
}

// Notify has the owner of an address told, as the homeserver itself. Whether they read it nobody
// learns. The error is a fedclient.Refusal where the server has not seen the address shown, or
// for too many, or does not know the kind; one that is Unrecognized where it has no such call.
func (c *Client) Notify(ctx context.Context, at Server, n Notice) error {
	body := struct {
		stamp
		Medium    threepid.Medium `json:"medium"`
		Address   string          `json:"address"`
		Kind      NoticeKind      `json:"kind"`
		ID        string          `json:"notice_id,omitempty"`
		LoginTS   int64           `json:"login_ts,omitzero"`
		ChangedTS int64           `json:"changed_ts,omitzero"`
		User      matrix.UserID   `json:"user_id"`
		Device    string          `json:"device,omitempty"`
		ClientIP  string          `json:"im.signet.client_ip,omitempty"`
		Language  string          `json:"im.signet.language,omitempty"`
	}{stamp: c.stamp(), Medium: n.Address.Medium(), Address: n.Address.String(), Kind: n.Kind, ID: n.ID, User: n.User, Device: n.Device, Language: n.Language}
	if n.Kind == NewLogin {
		body.LoginTS = n.At.UnixMilli()
	} else {
		body.ChangedTS = n.At.UnixMilli()
	}
	if n.Client.IsValid() {
		body.ClientIP = n.Client.String()
	}
	return c.ask(ctx, call{to: at, method: http.MethodPost, path: ours + "/notices", body: body}, &done{})
}
