package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/homeserver/keydirectory"
	"signet/internal/idclient"
	"signet/internal/keyring"
	"signet/internal/program"
	"signet/keys/proof"
)

// root is the trust root to begin with; nil where the operator has none.
func (k *Keys) root() ([]byte, error) {
	if k.TrustFile == "" {
		return nil, nil
	}
	f, err := os.Open(k.TrustFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, proof.MaxConfig+1))
	if err != nil {
		return nil, err
	}
	if _, err := proof.ParseConfig(text); err != nil {
		return nil, fmt.Errorf("it has no trust root: %w", err)
	}
	return text, nil
}

// buildDirectory opens the key directory of the identity server.
func (s *server) buildDirectory(f program.Frame, at idclient.Server) error {
	root, err := s.cfg.Keys.root()
	if err != nil {
		return fmt.Errorf("keys.trust_file: %w", err)
	}
	alarms := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_homeserver_key_directory_alarms_total",
		Help: "What the key directory of the identity server has shown that does not hold, by what it was about.",
	}, []string{"kind"})
	for _, kind := range keydirectory.Kinds {
		alarms.WithLabelValues(string(kind))
	}
	s.metrics.MustRegister(alarms)
	s.identity.keys = keydirectory.New(keydirectory.Options{
		DB: s.DB, Asker: s.identity.client, At: at, Root: root, Now: f.Now, Log: s.log,
		Own:    keydirectory.Own{Server: s.cfg.ServerName, Keys: s.Rings.For(keyring.Federation)},
		Raised: func(a keydirectory.Alarm) { alarms.WithLabelValues(string(a.Kind)).Inc() },
	})
	s.peers.keys.Directory = s.identity.keys
	return nil
}

// watchDirectory keeps up with the key directory until ctx ends.
func (s *server) watchDirectory(ctx context.Context) error {
	if s.identity.keys == nil {
		return nil
	}
	return s.identity.keys.Run(ctx)
}

// sweepDirectory forgets what was proven long ago.
func (s *server) sweepDirectory(ctx context.Context) error {
	if s.identity.keys == nil {
		return nil
	}
	return s.identity.keys.Sweep(ctx)
}
