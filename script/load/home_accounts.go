package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// password is everybody's.
const password = "correct horse battery staple"

// accounts measures registrations, and logins of those who have registered.
func (t *target) accounts(ctx context.Context) (all []figures, err error) {
	for _, next := range []func() (exchange, bool){t.registration, t.login} {
		for _, clients := range []int{1, connections} {
			f, err := t.hammer(ctx, clients, t.duration, next)
			if err != nil {
				return nil, err
			}
			all = append(all, f)
		}
	}
	return all, nil
}

// registration is one of a new person, in a single request.
func (t *target) registration() (exchange, bool) {
	body := fmt.Sprintf(`{"username":%q,"password":%q,"auth":{"type":"m.login.dummy"}}`, t.name(), password)
	return exchange{request: post(v3+"/register", t.by(person{}), body), take: t.registered}, true
}

func (t *target) registered(a answer) error {
	var got struct {
		User  string `json:"user_id"`
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(a.body, &got); err != nil || got.User == "" || got.Token == "" {
		return a.hoped(http.StatusOK)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.people = append(t.people, person{user: got.User, token: got.Token})
	return nil
}

// login is one of the people after the other.
func (t *target) login() (exchange, bool) {
	t.mu.Lock()
	p := t.people[int(t.named.Add(1))%len(t.people)]
	t.mu.Unlock()
	body := fmt.Sprintf(`{"type":"m.login.password","identifier":{"type":"m.id.user","user":%q},"password":%q}`, p.user, password)
	return exchange{request: post(v3+"/login", t.by(person{}), body)}, true
}

// crowd is the first n of the people, who are registered if there are not as many.
func (t *target) crowd(ctx context.Context, n int) ([]person, error) {
	if missing := n - len(t.people); missing > 0 {
		began := time.Now()
		next := upTo(missing, func(int) exchange { x, _ := t.registration(); return x })
		if _, err := hammer(ctx, []string{t.server.addr}, joining, forever, next); err != nil {
			return nil, fmt.Errorf("registering people: %w", err)
		}
		progress("%d people took %s", missing, time.Since(began).Round(time.Second))
	}
	return t.people[:n], ctx.Err()
}
