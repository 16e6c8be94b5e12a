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
	s.measureDirectory()
	return nil
}

// measureDirectory registers the metrics of what stands. What cannot be read is told as -1.
func (s *server) measureDirectory() {
	gauge := func(name, help string, read func(keydirectory.Overview) float64) {
		s.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "signet_homeserver_key_directory_" + name, Help: help}, func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
			defer cancel()
			o, err := s.identity.keys.Overview(ctx)
			if err != nil {
				s.log.Warn("what is known of the key directory cannot be read", "error", err)
				return -1
			}
			return read(o)
		}))
	}
	gauge("alarms_standing", "Alarms about the key directory of the identity server that nobody has ended.", func(o keydirectory.Overview) float64 {
		return float64(len(o.Alarms))
	})
	gauge("own_key_logged", "Whether the key by which this server signs was seen to stand in the log of servers: 1 or 0.", func(o keydirectory.Overview) float64 {
		if o.Own.Position > 0 {
			return 1
		}
		return 0
	})
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
