package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/program"
	"signet/keys/proof"
)

// trusted is by which keys answers are verified. Keys that the server itself names are
// trusted on first use, which is said.
func (c verifyCommand) trusted(env program.Env, s *asker) (proof.Policy, error) {
	if c.Refresh {
		if err := c.refresh(env, s); err != nil {
			return proof.Policy{}, err
		}
	}
	if c.Trust != "" {
		policy, err := c.policy()
		if err == nil {
			fmt.Fprintf(env.Stdout, "trust the keys of %s in %s\n", policy.Server, printable(c.Trust))
		}
		return policy, err
	}
	config, err := s.config(env)
	if err != nil {
		return proof.Policy{}, err
	}
	policy, err := policyOf("the server's config", config)
	if err == nil {
		fmt.Fprintf(env.Stdout, "trust ON FIRST USE: the keys of %s were taken from the server itself just now, so that it is believed for this once.\n"+
			"      Keep what %s/config says, and give it with --trust the next time.\n", policy.Server, printable(s.base))
	}
	return policy, err
}

// config is the trust root that the server itself names.
func (s *asker) config(env program.Env) (proof.Config, error) {
	text, err := s.do(env.Ctx, http.MethodGet, "config", nil, proof.MaxConfig)
	if err != nil {
		return proof.Config{}, verdict{err, statusUnreadable}
	}
	return parseConfig("the server's config", text)
}

// refresh writes into the file the keys of the logs that CONFIGs lead to from those in it, and the
// keys for values that these name. It stays as it is if the server names others.
func (c verifyCommand) refresh(env program.Env, s *asker) error {
	if c.Trust == "" {
		return misused("--refresh: which file of --trust is to be refreshed?")
	}
	kept, err := c.kept()
	if err != nil {
		return err
	}
	if _, err := policyOf(c.Trust, kept); err != nil {
		return err
	}
	newer, err := s.config(env)
	if err != nil {
		return err
	}
	now, err := kept.Follow(newer)
	if errors.Is(err, proof.ErrUnvouched) || errors.Is(err, proof.ErrPolicy) {
		return verdict{fmt.Errorf("%s stays as it is: %s", c.Trust, printable(err.Error())), statusRefused}
	}
	if err != nil {
		return err
	}
	if err := c.keep(now); err != nil {
		return err
	}
	tellKeys(env.Stdout, kept.Users, now.Users)
	tellKeys(env.Stdout, kept.Servers, now.Servers)
	for _, id := range slices.Sorted(maps.Keys(now.Keys)) {
		if _, known := kept.Keys[id]; !known {
			fmt.Fprintf(env.Stdout, "learn %s: a CONFIG of the log names it as a key by which the server signs values\n", printable(string(id)))
		}
	}
	for id := range kept.Keys {
		if r, revoked := now.Revoked[id]; revoked {
			fmt.Fprintf(env.Stdout, "drop  %s: the server has revoked it; what it signed is believed where it stands before entry %d of the log\n", printable(string(id)), r.Before)
		}
	}
	return nil
}

// keep writes the trust root.
func (c verifyCommand) keep(config proof.Config) error {
	text, err := json.Marshal(config, json.Deterministic(true), jsontext.WithIndent("  "))
	if err == nil {
		err = replace(c.Trust, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping the keys in %s: %w", c.Trust, err)
	}
	return nil
}

// tellKeys says which keys of a log have come and gone.
func tellKeys(w io.Writer, before, now proof.LogConfig) {
	for _, vkey := range now.VKeys {
		if !slices.Contains(before.VKeys, vkey) {
			fmt.Fprintf(w, "learn %s: the keys before it have vouched for it in a CONFIG of the log\n", printable(vkey))
		}
	}
	for _, vkey := range before.VKeys {
		if !slices.Contains(now.VKeys, vkey) {
			fmt.Fprintf(w, "drop  %s: no CONFIG of the log names it any longer\n", printable(vkey))
		}
	}
}
