package idclient

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

// ErrNoHash says that an identity server takes addresses in clear only, which it is not told.
var ErrNoHash = errors.New("the identity server has no lookup by hash")

const hashAlgorithm = "sha256"

// maxPepper is more than any server's has, in octets.
const maxPepper = 1024

// invalidPepper is the errcode of a pepper that was changed since it was asked for.
const invalidPepper matrix.ErrCode = "M_INVALID_PEPPER"

// Lookup finds who is behind addresses, by their hashes. Those behind whom nobody is are not
// among the answers. The error is ErrNoHash besides those of every call.
func (c *Client) Lookup(ctx context.Context, at Server, as Caller, addresses []threepid.Address) (found map[threepid.Address]matrix.UserID, err error) {
	found, err = c.lookup(ctx, at, as, addresses)
	if refused, is := errors.AsType[fedclient.Refusal](err); is && refused.Errcode == invalidPepper {
		return c.lookup(ctx, at, as, addresses)
	}
	return found, err
}

func (c *Client) lookup(ctx context.Context, at Server, as Caller, addresses []threepid.Address) (map[threepid.Address]matrix.UserID, error) {
	pepper, err := c.pepper(ctx, at, as)
	if err != nil {
		return nil, err
	}
	asked := make(map[string]threepid.Address, len(addresses))
	body := struct {
		Algorithm string   `json:"algorithm"`
		Pepper    string   `json:"pepper"`
		Addresses []string `json:"addresses"`
	}{hashAlgorithm, pepper, make([]string, len(addresses))}
	for i, address := range addresses {
		body.Addresses[i] = hashed(address, pepper)
		asked[body.Addresses[i]] = address
	}
	var answer struct {
		Mappings map[string]matrix.UserID `json:"mappings"`
	}
	if err := c.ask(ctx, call{to: at, as: as, method: http.MethodPost, path: v2 + "/lookup", body: body}, &answer); err != nil {
		return nil, err
	}
	found := map[threepid.Address]matrix.UserID{}
	for hash, user := range answer.Mappings {
		address, wasAsked := asked[hash]
		if _, err := matrix.ParseUserID(user.String()); err == nil && wasAsked {
			found[address] = user
		}
	}
	return found, nil
}

// pepper is what addresses are hashed with at a server now.
func (c *Client) pepper(ctx context.Context, at Server, as Caller) (string, error) {
	var details struct {
		Algorithms []string `json:"algorithms"`
		Pepper     string   `json:"lookup_pepper"`
	}
	if err := c.ask(ctx, call{to: at, as: as, method: http.MethodGet, path: v2 + "/hash_details"}, &details); err != nil {
		return "", err
	}
	if !slices.Contains(details.Algorithms, hashAlgorithm) || len(details.Pepper) > maxPepper {
		return "", ErrNoHash
	}
	return details.Pepper, nil
}

// hashed is the hash of an address (identity service API, "sha256").
func hashed(a threepid.Address, pepper string) string {
	sum := sha256.Sum256([]byte(a.String() + " " + string(a.Medium()) + " " + pepper))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
