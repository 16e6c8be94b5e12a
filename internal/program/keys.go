package program

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"signet/internal/keyring"
	"signet/internal/matrix"
)

type keysCommands struct {
	List   keysList   `cmd:"" help:"List the keys by purpose, the newest first, with those that are retired or revoked."`
	Rotate keysRotate `cmd:"" help:"Make a new key and retire the current one. A running server signs with it at once; the key of a log signs beside the new one for 30 days."`
	Retire keysRetire `cmd:"" help:"Make sure that a retired key signs no more; it stays valid for what it signed."`
	Revoke keysRevoke `cmd:"" help:"Say that a key must not be believed any more, such as a stolen one. The current one is rotated first. For good."`
}

type keysList struct{}

// Run lists the keys of all purposes.
func (keysList) Run(env Env, p Program) error {
	return p.WithStorage(env, func(s *Storage) error {
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "PURPOSE\tKEY ID\tPUBLIC KEY\tCREATED\tSTATE")
		for _, ring := range s.Rings {
			keys, err := ring.History(env.Ctx)
			if err != nil {
				return err
			}
			for _, k := range keys {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", ring.Purpose(), k.ID, matrix.EncodeBase64(k.Public), Moment(k.Created), state(k, env.Now()))
			}
		}
		return w.Flush()
	})
}

func state(k keyring.Key, now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked " + Moment(k.Revoked) + ": " + k.Reason
	case k.Ends.After(now):
		return "retired " + Moment(k.Retired) + ", signs with its successor until " + Moment(k.Ends)
	case !k.Retired.IsZero():
		return "retired " + Moment(k.Retired)
	}
	return "current"
}

type keysRotate struct {
	Purpose string `arg:"" optional:"" help:"What the key is for, as in keys list; without it the first that is listed there."`
}

// Run rotates the key of one purpose.
func (c keysRotate) Run(env Env, p Program) error {
	purpose, err := p.purpose(c.Purpose)
	if err != nil {
		return err
	}
	return p.WithStorage(env, func(s *Storage) error {
		key, err := s.Rings.For(purpose).Rotate(env.Ctx)
		if err != nil {
			return err
		}
		return saySigns(env.Stdout, purpose, key.ID, matrix.EncodeBase64(key.Public))
	})
}

func saySigns(w io.Writer, purpose keyring.Purpose, id matrix.KeyID, public string) error {
	if purpose.OfLog() {
		_, err := fmt.Fprintf(w, "%s: %s signs as soon as a running server has put it into the log (public key %s)\n", purpose, id, public)
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s signs from now on (public key %s)\n", purpose, id, public)
	return err
}

// purpose reads one of the program's purposes; the first for no text.
func (p Program) purpose(text string) (keyring.Purpose, error) {
	if text == "" {
		return p.Purposes[0], nil
	}
	known := make([]string, len(p.Purposes))
	for i, purpose := range p.Purposes {
		if known[i] = string(purpose); known[i] == text {
			return purpose, nil
		}
	}
	return "", fmt.Errorf("there is no key for %q here; a key is for: %s", text, strings.Join(known, ", "))
}

type keysRetire struct {
	ID string `arg:"" help:"Key id, such as ed25519:abcd2345."`
}

// Run checks that a key is retired; the current one needs a successor.
func (c keysRetire) Run(env Env, p Program) error {
	return p.withKey(env, c.ID, func(ring *keyring.Ring, id matrix.KeyID) error {
		key, err := ring.Retire(env.Ctx, id)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		_, err = fmt.Fprintf(env.Stdout, "%s is retired since %s\n", id, Moment(key.Retired))
		return err
	})
}

type keysRevoke struct {
	ID     string `arg:"" help:"Key id, such as ed25519:abcd2345."`
	Reason string `required:"" help:"Why; keys list shows it."`
}

// Run revokes a key, and says which one signs then.
func (c keysRevoke) Run(env Env, p Program) error {
	return p.withKey(env, c.ID, func(ring *keyring.Ring, id matrix.KeyID) error {
		key, err := ring.Revoke(env.Ctx, id, c.Reason)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		fmt.Fprintf(env.Stdout, "%s is revoked since %s: %s\n", id, Moment(key.Revoked), key.Reason)
		if ring.Purpose().OfLog() {
			fmt.Fprint(env.Stdout, revokedOfLog)
		}
		signs, err := ring.Current(env.Ctx)
		if err != nil {
			return err
		}
		return saySigns(env.Stdout, ring.Purpose(), signs.ID, matrix.EncodeBase64(signs.Public()))
	})
}

// revokedOfLog is what a log cannot do about a key that somebody else has.
const revokedOfLog = "a running server puts that into the log, for whoever follows it. Whoever knows this key alone cannot tell its thief from you: " +
	"give people the new trust root by another way than this server, and see docs/operations.md, \"A log's key that was stolen\"\n"

// withKey opens the storage and finds the ring of a key.
func (p Program) withKey(env Env, id string, do func(*keyring.Ring, matrix.KeyID) error) error {
	return p.WithStorage(env, func(s *Storage) error {
		ring, err := s.Rings.With(env.Ctx, matrix.KeyID(id))
		if err != nil {
			return fmt.Errorf("%q: %w", id, err)
		}
		return do(ring, matrix.KeyID(id))
	})
}
