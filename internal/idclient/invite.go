package idclient

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

// Invitation is an invitation into a room for somebody who is not known to be anywhere.
type Invitation struct {
	Address    threepid.Address
	Room       matrix.RoomID
	Sender     matrix.UserID
	SenderName string
	RoomName   string
	RoomAlias  string
	RoomType   string
	Client     netip.Addr // where the sender is; zero where that is not told
	Language   string     // BCP 47; empty where that is not known
}

// PublicKey is a key by which whoever accepts an invitation is known, and where to ask
// whether it still is one.
type PublicKey struct {
	Key         string `json:"public_key"` // base64 of either alphabet, as it stands in the event
	ValidityURL string `json:"key_validity_url"`
}

// Stored is an invitation that waits at an identity server for the person who has the address.
type Stored struct {
	Token       string      `json:"token"`
	PublicKeys  []PublicKey `json:"public_keys"`
	DisplayName string      `json:"display_name"` // the address, so redacted that others may read it
}

// maxStored bounds what a room is told of an invitation, in octets of a text.
const maxStored = 512

// StoreInvite has an invitation sent and kept until somebody binds the address.
func (c *Client) StoreInvite(ctx context.Context, at Server, as Caller, i Invitation) (s Stored, err error) {
	body := struct {
		Medium     threepid.Medium `json:"medium"`
		Address    string          `json:"address"`
		Room       matrix.RoomID   `json:"room_id"`
		Sender     matrix.UserID   `json:"sender"`
		SenderName string          `json:"sender_display_name,omitempty"`
		RoomName   string          `json:"room_name,omitempty"`
		RoomAlias  string          `json:"room_alias,omitempty"`
		RoomType   string          `json:"room_type,omitempty"`
		ClientIP   string          `json:"im.signet.client_ip,omitempty"`
		Language   string          `json:"im.signet.language,omitempty"`
	}{i.Address.Medium(), i.Address.String(), i.Room, i.Sender, i.SenderName, i.RoomName, i.RoomAlias, i.RoomType, "", i.Language}
	if i.Client.IsValid() {
		body.ClientIP = i.Client.String()
	}
	if err := c.ask(ctx, call{to: at, as: as, method: http.MethodPost, path: v2 + "/store-invite", body: body}, &s); err != nil {
		return s, err
	}
	if !s.sound() {
		return Stored{}, fmt.Errorf("asking the identity server %q: %w: not an invitation", at.Name, fedclient.ErrBadAnswer)
	}
	return s, nil
}

// sound tells whether an answer may stand in a room.
func (s Stored) sound() bool {
	if s.Token == "" || len(s.Token) > maxStored || len(s.DisplayName) > maxStored || len(s.PublicKeys) == 0 || len(s.PublicKeys) > 8 {
		return false
	}
	for _, key := range s.PublicKeys {
		if _, err := ParseKey(key.Key); err != nil || len(key.ValidityURL) > maxStored {
			return false
		}
	}
	return true
}

// ErrKey says that a text is not an ed25519 public key in base64.
var ErrKey = errors.New("not an ed25519 public key")

// ParseKey reads the public key of an invitation, in base64 of the usual alphabet or of that
// for URLs. The error is ErrKey.
func ParseKey(text string) (ed25519.PublicKey, error) {
	key, err := matrix.DecodeBase64(strings.NewReplacer("-", "+", "_", "/").Replace(text))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, ErrKey
	}
	return key, nil
}

// ErrValidityURL says that a key_validity_url is none that is asked: it comes from an event,
// of whomever, and must be https with no more than a path.
var ErrValidityURL = errors.New("the key_validity_url is not the https URL of a page without a query")

// validityURL reads a key_validity_url. One of the homeserver's own identity server may be
// http where that is, which nothing but this machine is reached by (fedclient). The error is
// ErrValidityURL.
func (c *Client) validityURL(text string) (*url.URL, matrix.ServerName, error) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		return nil, "", ErrValidityURL
	}
	isOwn := c.Own != nil && u.Scheme == c.Own.Scheme && u.Host == c.Own.Host
	name, err := matrix.ParseServerName(u.Host)
	if err != nil || u.Scheme != "https" && !isOwn {
		return nil, "", ErrValidityURL
	}
	return u, name, nil
}

// CheckValidityURL tells whether a key_validity_url is one that KeyValid asks at. The error is
// ErrValidityURL.
func (c *Client) CheckValidityURL(text string) error {
	_, _, err := c.validityURL(text)
	return err
}

// KeyValid asks at a key_validity_url whether a key still is one. Errors are ErrValidityURL
// and those of fedclient.
func (c *Client) KeyValid(ctx context.Context, key PublicKey) (bool, error) {
	u, name, err := c.validityURL(key.ValidityURL)
	if err != nil {
		return false, err
	}
	answer, err := c.Federation.Do(ctx, fedclient.Request{
		Server: name, Web: &url.URL{Scheme: u.Scheme, Host: u.Host}, Method: http.MethodGet,
		Path: u.EscapedPath() + "?" + url.Values{"public_key": {key.Key}}.Encode(), MaxBytes: 4 << 10,
	})
	if err != nil {
		return false, err
	}
	var said struct {
		Valid bool `json:"valid"`
	}
	if answer.Status != http.StatusOK {
		return false, fmt.Errorf("asking whether a key is valid: %w", answer.Refusal())
	}
	if err := answer.Decode(&said); err != nil {
		return false, fmt.Errorf("asking whether a key is valid: %w", err)
	}
	return said.Valid, nil
}
