package main

import (
	"signet/internal/locale"
	"signet/internal/program"
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
