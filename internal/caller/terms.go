package caller

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/matrix"
)

// Terms are the documents that users accept, by their names, such as
// privacy_policy.
type Terms map[string]Document

// Document is one version of a document, in any number of languages.
type Document struct {
	Version   string
	Languages map[string]Translation // by language code, such as en
}

// Translation is a document in one language. Its URL stands for the version too:
// a new version has a new URL.
type Translation struct {
	Name string
	URL  string
}

// Errors of terms.
var (
	// ErrTermsNotSigned says that a user has not accepted every document yet.
	ErrTermsNotSigned = errors.New("please accept the terms of service first")
	// ErrUnknownTerms says that a URL is none of the current documents'.
	ErrUnknownTerms = errors.New("a URL is not one of the current terms of service")
)

// Accept records that a user accepts the documents at urls, beside what the user
// accepted before. With one unknown URL nothing is recorded: the error is
// ErrUnknownTerms.
func (g *Gate) Accept(ctx context.Context, user matrix.UserID, urls []string) error {
	known := g.Terms.urls()
	for _, url := range urls {
		if !known[url] {
			return ErrUnknownTerms
		}
	}
	if err := insertAccepted(ctx, g.DB, user, urls, g.Now()); err != nil {
		return fmt.Errorf("recording accepted terms: %w", err)
	}
	return nil
}

// CheckTerms is ErrTermsNotSigned until the user has accepted every document, in
// any language (identity service API, POST /terms).
func (g *Gate) CheckTerms(ctx context.Context, user matrix.UserID) error {
	if len(g.Terms) == 0 {
		return nil
	}
	accepted, err := selectAccepted(ctx, g.DB, user)
	if err != nil {
		return fmt.Errorf("reading accepted terms: %w", err)
	}
	for _, document := range g.Terms {
		if !document.acceptedBy(accepted) {
			return ErrTermsNotSigned
		}
	}
	return nil
}

func (d Document) acceptedBy(accepted map[string]bool) bool {
	for _, t := range d.Languages {
		if accepted[t.URL] {
			return true
		}
	}
	return false
}

func (t Terms) urls() map[string]bool {
	urls := map[string]bool{}
	for _, document := range t {
		for _, translation := range document.Languages {
			urls[translation.URL] = true
		}
	}
	return urls
}
