package main

import (
	"context"
	"time"

	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/program"
	"signet/internal/store"
	"signet/keys/entry"
	"signet/keys/people"
	"signet/lookup/notice"
	"signet/lookup/notice/words"
	"signet/web/page"
)

// buildNotices has owners told of what becomes of their bindings. It needs the directory.
func (s *server) buildNotices(env program.Env) error {
	w, err := words.New(s.cfg.Templates, s.cfg.ServerName.String())
	if err != nil {
		return err
	}
	language, err := locale.ParseLanguage(s.cfg.Lookup.NoticeLanguage)
	if err != nil {
		return err
	}
	o := notice.Options{
		Directory: s.directory,
		Outbox:    s.outbox,
		Quota:     s.quota,
		Owners:    s.verifier,
		Words:     w,
		Email:     s.verifier.Email,
		Fraud:     s.fraud,
		Language:  language,
		Own:       s.cfg.ownHomeservers(),
		PageURL:   s.cfg.PublicURL + page.OwnerPath,
		Now:       env.Now,
	}
	if s.cfg.Lookup.SMSNotices {
		o.SMS = s.verifier.SMS
	}
	s.notices = notice.New(o)
	s.directory.Told = append(s.directory.Told, s.notices.Told)
	return nil
}

// keyNotices are what owners are told of what happens to their keys.
var keyNotices = map[people.EventKind]words.Kind{
	people.Published:    words.Published,
	people.Rotated:      words.Rotated,
	people.Revoked:      words.Revoked,
	people.RevokedByKey: words.Revoked,
	people.Recovering:   words.Recovering,
	people.Recovered:    words.Recovered,
	people.Returning:    words.Returning,
	people.Returned:     words.Returned,
	people.Objected:     words.Objected,
	people.Erased:       words.Erased,
}

// tellOfKeys is for the log of people's keys, which does not know of notices.
func (s *server) tellOfKeys(ctx context.Context, tx *store.Tx, e people.Event) error {
	c := notice.KeysChange{Kind: keyNotices[e.Kind], Label: e.Label.String(), Version: e.Version, User: e.User, Until: e.Due, ByKey: e.Kind == people.RevokedByKey}
	if e.Label.Medium() == entry.MXID {
		c.User = matrix.UserID(e.Label.Address())
	} else if a, is := e.Label.ThirdParty(); is {
		c.Address = a
	}
	return s.notices.ToldOfKeys(ctx, tx, c)
}

// toldKeys is what notices ask of the log of people's keys.
type toldKeys struct{ *people.People }

func (k toldKeys) Forgotten(ctx context.Context, label string, from uint32) (bool, error) {
	l, err := entry.ParseLabel(label)
	if err != nil {
		return false, err
	}
	return k.People.Forgotten(ctx, l, from)
}

func (k toldKeys) WaitsUntil(ctx context.Context, label string, version uint32) (time.Time, error) {
	l, err := entry.ParseLabel(label)
	if err != nil {
		return time.Time{}, err
	}
	waits, err := k.Waiting(ctx, l)
	if err != nil || waits == nil || waits.Version != version {
		return time.Time{}, err
	}
	return waits.Due, nil
}
