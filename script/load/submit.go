package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// wrongGuesses is how many wrong codes a session is given, of the five that it takes.
const wrongGuesses = 4

// opened is a session whose code has come.
type opened struct {
	sid, secret, code string
	by                caller
}

// letters are the codes that the mail server was given, by address.
type letters struct {
	mu    sync.Mutex // guards codes
	codes map[string]string
}

func (l *letters) put(to, code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.codes[to] = code
}

func (l *letters) take(to string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	code := l.codes[to]
	delete(l.codes, to)
	return code
}

func prepareSubmit(ctx context.Context, s settings) (*stage, error) {
	mail := &letters{codes: map[string]string{}}
	sc := s.crowd(0)
	sc.open = mail.put
	w, err := build(ctx, s, sc)
	if err != nil {
		return nil, err
	}
	return &stage{close: w.close, run: func(ctx context.Context) ([]figures, error) {
		sessions, err := w.openSessions(ctx, mail)
		if err != nil {
			return nil, err
		}
		return w.each(ctx, wrongCodes(sessions), rightCodes(sessions))
	}}, nil
}

// errNoCode is the error of a session whose message brought no code.
var errNoCode = errors.New("the message has no code")

// openSessions opens sessions for as long as a run takes.
func (w *world) openSessions(ctx context.Context, mail *letters) ([]opened, error) {
	var mu sync.Mutex // guards all
	var all []opened
	_, err := hammer(ctx, w.servers.addrs(), connections, w.duration, w.requestTokens(func(email, secret string, by caller, a answer) error {
		var answered struct{ SID string }
		if err := json.Unmarshal(a.body, &answered); err != nil || answered.SID == "" {
			return a.hoped(200)
		}
		code := mail.take(email)
		if code == "" {
			return errNoCode
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, opened{sid: answered.SID, secret: secret, code: code, by: by})
		return nil
	}))
	return all, err
}

func wrongCodes(sessions []opened) source {
	return upTo(wrongGuesses*len(sessions), func(i int) exchange {
		s := sessions[i%len(sessions)]
		return exchange{request: s.submit("00000000"), take: func(a answer) error { return a.hoped(400) }}
	})
}

func rightCodes(sessions []opened) source {
	return upTo(len(sessions), func(i int) exchange { return exchange{request: sessions[i].submit(sessions[i].code)} })
}

func (s opened) submit(code string) []byte {
	body := fmt.Sprintf(`{"sid":%q,"client_secret":%q,"token":%q}`, s.sid, s.secret, code)
	return post(v2+"/validate/email/submitToken", s.by, body)
}
