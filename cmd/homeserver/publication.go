package main

import (
	"context"

	"signet/internal/homeserver/keycheck"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/publication"
	"signet/internal/homeserver/userdata"
	"signet/internal/program"
)

// buildPublication comes after the encryption, whose keys it has published.
func (s *server) buildPublication(f program.Frame) error {
	own, _ := s.identity.trusted.Default()
	s.publications = publication.New(publication.Options{DB: s.DB, Stream: s.stream, At: own, Trusted: s.identity.trusted, Now: f.Now, Log: s.log})
	s.data.Heeded = map[string]userdata.Heed{publication.ConsentType: s.publications.Consented}
	s.encryption.CrossSigned = s.publications.CrossSigned
	s.publications.Identity, s.publications.Keys = s.identity.client, s.encryption
	directory := s.identity.keys
	if directory == nil {
		return nil
	}
	s.publications.Directory = directory
	s.checks = keycheck.New(directory, f.Now)
	raised := directory.Raised
	directory.Raised = func(a keydirectory.Alarm) {
		s.checks.Forget()
		raised(a)
	}
	return nil
}

// publish has people's keys stand in the key directory who want that, until ctx ends.
func (s *server) publish(ctx context.Context) error {
	return s.publications.Run(ctx, func(err error) {
		s.log.Warn("publishing people's keys in the key directory", "error", err)
	})
}
