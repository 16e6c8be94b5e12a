package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
)

// challenged is a request that has met a CAPTCHA.
type challenged struct {
	email, secret string
	by            caller
	id            string
	picture       string // path
}

// errNoChallenge is the error of a refusal that names no challenge.
var errNoChallenge = errors.New("no challenge came with the refusal")

func prepareCaptcha(ctx context.Context, s settings) (*stage, error) {
	sc := s.crowd(0)
	sc.captcha = "always"
	w, err := build(ctx, s, sc)
	if err != nil {
		return nil, err
	}
	return &stage{close: w.close, run: w.captchas}, nil
}

// captchas measures challenges, and then what can be done with those that came.
func (w *world) captchas(ctx context.Context) ([]figures, error) {
	var met meetings
	challenges, err := w.measure(ctx, w.requestTokens(met.add))
	if err != nil {
		return nil, err
	}
	rest, err := w.each(ctx, met.pictures(), met.wrongAnswers())
	return append([]figures{challenges}, rest...), err
}

// meetings are the challenges of a run.
type meetings struct {
	mu  sync.Mutex // guards all
	all []challenged
}

func (m *meetings) add(email, secret string, by caller, a answer) error {
	if err := a.hoped(403); err != nil {
		return err
	}
	c := challenged{email: email, secret: secret, by: by}
	var err error
	if c.id, c.picture, err = readChallenge(a.body); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, c)
	return nil
}

// readChallenge reads the challenge out of the answer M_CAPTCHA_NEEDED.
func readChallenge(body []byte) (id, picture string, err error) {
	var refusal struct {
		Challenge struct {
			ID      string
			Picture string `json:"image_url"`
		} `json:"im.signet.challenge"`
	}
	if err := json.Unmarshal(body, &refusal); err != nil {
		return "", "", err
	}
	u, err := url.Parse(refusal.Challenge.Picture)
	if err != nil || refusal.Challenge.ID == "" || u.Path == "" {
		return "", "", errNoChallenge
	}
	return refusal.Challenge.ID, u.RequestURI(), nil
}

func (m *meetings) pictures() source {
	return upTo(len(m.all), func(i int) exchange {
		return exchange{request: get(m.all[i].picture, caller{client: m.all[i].by.client})}
	})
}

// wrongAnswers answers each challenge once. The right answers are nobody's to know.
func (m *meetings) wrongAnswers() source {
	return upTo(len(m.all), func(i int) exchange {
		c := m.all[i]
		body := requestBody(c.email, c.secret, fmt.Sprintf(`,"im.signet.challenge":{"id":%q,"answer":"no digits"}`, c.id))
		return exchange{
			request: post(v2+"/validate/email/requestToken", c.by, body),
			take:    func(a answer) error { return a.hoped(403) },
		}
	})
}
