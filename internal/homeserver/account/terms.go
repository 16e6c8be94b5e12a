package account

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Terms are the documents that people accept when they register, by their names, such as
// privacy_policy (client-server API, "Terms of service at registration").
type Terms map[string]Document

// Document is one version of a document, in any number of languages.
type Document struct {
	Version   string
	Languages map[string]Translation // by language code, such as en
}

// Translation is a document in one language.
type Translation struct {
	Name string
	URL  string
}

// versions are what is accepted where all of the terms are: versions by the documents' names.
func (t Terms) versions() map[string]string {
	accepted := map[string]string{}
	for name, document := range t {
		accepted[name] = document.Version
	}
	return accepted
}

// AcceptedTerms are the versions of documents that a user has accepted, by the documents'
// names; of each the last.
func (a *Accounts) AcceptedTerms(ctx context.Context, user matrix.UserID) (map[string]string, error) {
	accepted, err := selectTerms(ctx, a.DB, user)
	if err != nil {
		return nil, fmt.Errorf("reading accepted terms: %w", err)
	}
	return accepted, nil
}

// acceptTerms records with the account what was accepted in its registration.
func (a *Accounts) acceptTerms(ctx context.Context, tx *store.Tx, user matrix.UserID, accepted map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(accepted)) {
		if err := insertTerms(ctx, tx, user, name, accepted[name], a.Now()); err != nil {
			return fmt.Errorf("recording accepted terms: %w", err)
		}
	}
	return nil
}
