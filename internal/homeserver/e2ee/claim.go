package e2ee

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Claims are the one-time keys that are asked for: an algorithm for each device.
type Claims map[matrix.UserID]map[DeviceID]string

// Claimed are keys by user, device and name.
type Claimed map[matrix.UserID]map[DeviceID]map[string]jsontext.Value

func (c Claimed) add(d Device, keys map[string]jsontext.Value) {
	if c[d.User] == nil {
		c[d.User] = map[DeviceID]map[string]jsontext.Value{}
	}
	c[d.User][d.ID] = keys
}

const (
	// maxClaims is how many keys may be asked for at once.
	maxClaims = 2000
	// claimsAtOnce is how many are given out before somebody else may write.
	claimsAtOnce = 50
)

// Claim gives out one-time keys: each one once, those that were uploaded first before
// others, and where none is left the fallback key. Devices that have neither are missing
// from the answer; failures are the servers that could not be asked, or have not answered
// within wait. The error is ErrTooMany or ErrID.
func (e *Encryption) Claim(ctx context.Context, claims Claims, wait time.Duration) (Claimed, Failures, error) {
	if claims.size() > maxClaims {
		return nil, nil, ErrTooMany
	}
	if !validUsers(claims) {
		return nil, nil, ErrID
	}
	here, elsewhere := Claims{}, map[matrix.ServerName]Claims{}
	for user, devices := range claims {
		if e.local(user) {
			here[user] = devices
			continue
		}
		if elsewhere[user.Server()] == nil {
			elsewhere[user.Server()] = Claims{}
		}
		elsewhere[user.Server()][user] = devices
	}
	claimed, err := e.ClaimHere(ctx, here)
	if err != nil {
		return nil, nil, err
	}
	return claimed, e.claimElsewhere(ctx, wait, elsewhere, claimed), nil
}

func (c Claims) size() (n int) {
	for _, devices := range c {
		n += len(devices)
	}
	return n
}

// ClaimHere is Claim for another server, which asks for keys of this server's users
// alone. Those of others are missing from the answer.
func (e *Encryption) ClaimHere(ctx context.Context, claims Claims) (Claimed, error) {
	if claims.size() > maxClaims {
		return nil, ErrTooMany
	}
	claimed := Claimed{}
	for part := range slices.Chunk(e.localClaims(claims), claimsAtOnce) {
		if err := e.claimPart(ctx, part, claimed); err != nil {
			return nil, err
		}
	}
	return claimed, nil
}

// claim is one key that is asked for.
type claim struct {
	Device
	algorithm string
}

func (e *Encryption) localClaims(claims Claims) (list []claim) {
	for _, user := range slices.Sorted(maps.Keys(claims)) {
		for id, algorithm := range claims[user] {
			if e.local(user) && matrix.ValidID(string(id)) && matrix.ValidID(algorithm) {
				list = append(list, claim{Device{user, id}, algorithm})
			}
		}
	}
	return list
}

// claimPart gives out a few keys and adds them to claimed. Their owners are woken, since
// they have to upload others.
func (e *Encryption) claimPart(ctx context.Context, part []claim, claimed Claimed) error {
	owners := make([]matrix.UserID, len(part))
	for i, c := range part {
		owners[i] = c.User
	}
	var given []givenKey
	err := e.commit(ctx, owners, func(tx *store.Tx, pos stream.Pos) (err error) {
		given, err = giveOut(ctx, tx, pos, part)
		if err == nil && len(given) == 0 {
			return stream.Refuse(errUnchanged)
		}
		return err
	})
	if err := unlessUnchanged(err); err != nil {
		return err
	}
	for _, key := range given {
		claimed.add(key.Device, map[string]jsontext.Value{key.name: key.json})
	}
	return nil
}

// givenKey is a key that is given out.
type givenKey struct {
	Device
	name string
	json jsontext.Value
}

func giveOut(ctx context.Context, tx *store.Tx, pos stream.Pos, part []claim) (given []givenKey, err error) {
	for _, c := range part {
		key, found, err := giveOne(ctx, tx, pos, c)
		if err != nil {
			return nil, fmt.Errorf("giving out a key: %w", err)
		}
		if found {
			given = append(given, key)
		}
	}
	return given, nil
}

// giveOne gives out the oldest one-time key, or the fallback key. The statement that reads
// a one-time key is the one that deletes it.
func giveOne(ctx context.Context, tx *store.Tx, pos stream.Pos, c claim) (givenKey, bool, error) {
	id, json, found, err := takeOneTime(ctx, tx, c)
	if err != nil {
		return givenKey{}, false, err
	}
	if found {
		return givenKey{c.Device, c.algorithm + ":" + id, json}, true, insertGiven(ctx, tx, c, id, pos)
	}
	fallback, err := selectFallback(ctx, tx, c.Device, c.algorithm)
	if err != nil || fallback.name == "" {
		return givenKey{}, false, err
	}
	return givenKey{c.Device, fallback.name, fallback.json}, true, useFallback(ctx, tx, c)
}

// OneTimeCounts is how many one-time keys of a device wait to be claimed, by algorithm.
func (e *Encryption) OneTimeCounts(ctx context.Context, d Device) (map[string]int64, error) {
	counts, _, err := selectSupply(ctx, e.DB, d)
	if err != nil {
		return nil, fmt.Errorf("counting one-time keys: %w", err)
	}
	return counts, nil
}
