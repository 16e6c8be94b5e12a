package keydirectory

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/keys/proof"
)

// ErrRoot is the error of what cannot be the trust root of this directory. It is no alarm: nothing
// was believed yet.
var ErrRoot = errors.New("not the trust root of this identity server")

// root is the trust root that is kept. Where there is none it is taken, and kept.
func (d *Directory) root(ctx context.Context) (proof.Config, error) {
	text, err := selectRoot(ctx, d.DB, d.At.Name)
	if errors.Is(err, sql.ErrNoRows) {
		return d.firstRoot(ctx)
	}
	if err != nil {
		return proof.Config{}, fmt.Errorf("reading the trust root: %w", err)
	}
	return d.parseRoot(text)
}

// givenRoot is the trust root of a text, or for nil the one that the identity server names now; and
// as it is kept.
func (d *Directory) givenRoot(ctx context.Context, text []byte) (root proof.Config, written []byte, err error) {
	if text == nil {
		if text, err = d.named(ctx); err != nil {
			return proof.Config{}, nil, err
		}
	}
	if root, err = d.parseRoot(text); err != nil {
		return proof.Config{}, nil, err
	}
	if written, err = json.Marshal(root, json.Deterministic(true)); err != nil {
		return proof.Config{}, nil, fmt.Errorf("writing the trust root: %w", err)
	}
	return root, written, nil
}

// firstRoot takes the trust root of the operator, or of the identity server itself.
func (d *Directory) firstRoot(ctx context.Context) (proof.Config, error) {
	from := "the operator's file"
	if d.Root == nil {
		from = "the identity server itself, which is believed for this once"
	}
	root, written, err := d.givenRoot(ctx, d.Root)
	if err != nil {
		return proof.Config{}, err
	}
	first, err := insertRoot(ctx, d.DB, d.At.Name, written, d.Now())
	if err != nil {
		return proof.Config{}, fmt.Errorf("keeping the trust root: %w", err)
	}
	if !first { // somebody else was faster
		return d.root(ctx)
	}
	d.Log.InfoContext(ctx, "the key directory is believed by these keys from now on", "server", d.At.Name, "from", from,
		"users", root.Users.VKeys, "servers", root.Servers.VKeys)
	return root, nil
}

// named is the trust root that the identity server names now.
func (d *Directory) named(ctx context.Context) ([]byte, error) {
	text, err := d.Asker.KeyConfig(ctx, d.At)
	if refusal, is := errors.AsType[fedclient.Refusal](err); is && refusal.Unrecognized() {
		return nil, fmt.Errorf("%w: %w", ErrNoDirectory, err)
	}
	return text, err
}

// parseRoot reads a trust root, which has to be of this identity server.
func (d *Directory) parseRoot(text []byte) (proof.Config, error) {
	root, err := proof.ParseConfig(text)
	if err != nil {
		return proof.Config{}, fmt.Errorf("%w: %w", ErrRoot, err)
	}
	name := d.At.Name.String()
	if root.Server != d.At.Name || root.Users.Origin != name+"/users" || root.Servers.Origin != "" && root.Servers.Origin != name+"/servers" {
		return proof.Config{}, fmt.Errorf("%w: it is of another", ErrRoot)
	}
	if _, err := root.Policy(); err != nil {
		return proof.Config{}, fmt.Errorf("%w: %w", ErrRoot, err)
	}
	return root, nil
}

// parseNamed reads what is answered for a trust root. What is not about this identity server, or has
// no log of users, is somebody's who has answered in its place, as a proxy does whose server is away.
func (d *Directory) parseNamed(text []byte) (proof.Config, error) {
	named, err := proof.ParseConfig(text)
	if err == nil && (named.Server != d.At.Name || named.Users.Origin == "") {
		err = fmt.Errorf("%w: it is of another", ErrRoot)
	}
	return named, err
}

// Refresh takes up what those who sign the logs have vouched for since: keys that are new, of the
// logs and for values, and keys that are revoked. What nobody has vouched for is an Alarm; what is
// no trust root of this identity server, fedclient.ErrBadAnswer; and ErrBusy is among the errors.
func (d *Directory) Refresh(ctx context.Context) error {
	if _, err := d.root(ctx); err != nil {
		return err
	}
	if err := d.stopped(ctx, Root); err != nil {
		return err
	}
	for range maxTries {
		if overtaken, err := d.refresh(ctx); err != nil || !overtaken {
			return err
		}
	}
	return ErrBusy
}

// refresh asks once. overtaken says that somebody else has kept what they have learned meanwhile, and
// this is not kept: what was answered before may be less than that, and is no answer to it.
func (d *Directory) refresh(ctx context.Context) (overtaken bool, err error) {
	kept, err := selectRoot(ctx, d.DB, d.At.Name)
	if err != nil {
		return false, fmt.Errorf("reading the trust root: %w", err)
	}
	root, err := d.parseRoot(kept)
	if err != nil {
		return false, err
	}
	text, err := d.named(ctx)
	if err != nil {
		return false, err
	}
	named, err := d.parseNamed(text)
	if err != nil {
		return false, fmt.Errorf("the trust root of %q: %w: %w", d.At.Name, fedclient.ErrBadAnswer, err)
	}
	now, err := root.Follow(named)
	if err != nil {
		return false, d.raise(ctx, Root, d.At.Name.String(), err, text)
	}
	written, err := json.Marshal(now, json.Deterministic(true))
	if err != nil {
		return false, fmt.Errorf("writing the trust root: %w", err)
	}
	if bytes.Equal(written, kept) {
		return false, nil
	}
	is, err := updateRoot(ctx, d.DB, d.At.Name, kept, written, d.Now())
	if err != nil {
		return false, fmt.Errorf("keeping the trust root: %w", err)
	}
	return !is, nil
}
