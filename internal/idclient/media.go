package idclient

import (
	"context"
	"fmt"
	"slices"

	"signet/internal/fedclient"
	"signet/internal/threepid"
)

// Media are the kinds of addresses to which an identity server sends codes. Said is false for a
// server that does not tell.
func (c *Client) Media(ctx context.Context, at Server) (media []threepid.Medium, said bool, err error) {
	answer, err := c.public(ctx, at, v2, 0)
	if err != nil {
		return nil, false, err
	}
	var told struct {
		Media *[]threepid.Medium `json:"im.signet.media"`
	}
	if err := answer.Decode(&told); err != nil {
		return nil, false, fmt.Errorf("asking the identity server %q: %w", at.Name, err)
	}
	if told.Media == nil {
		return nil, false, nil
	}
	if len(*told.Media) > maxMedia {
		return nil, false, fmt.Errorf("asking the identity server %q: %w: too many media", at.Name, fedclient.ErrBadAnswer)
	}
	for _, m := range []threepid.Medium{threepid.Email, threepid.MSISDN} { // others nobody here knows
		if slices.Contains(*told.Media, m) {
			media = append(media, m)
		}
	}
	return media, true, nil
}

// maxMedia is how many kinds of addresses a server may tell of.
const maxMedia = 100
