package main

import "fmt"

// A crowd is of at least so many accounts of so many homeservers. Each homeserver makes
// no more requests than its budget has, and no account many.
const (
	leastAccounts    = 1000
	leastHomeservers = 200
	ofHomeserver     = 500
	ofAccount        = 10
)

// fastest is a rate of requests, in a second, that no server reaches.
const fastest = 3000

// crowd is a scene with enough people for so many sessions beforehand and for all runs.
func (s settings) crowd(sessions int) scene {
	runs := s.count * int(fastest*s.duration.Seconds())
	return scene{
		homeservers: max(leastHomeservers, (sessions+runs)/ofHomeserver),
		accounts:    max(leastAccounts, sessions/ofAccount),
	}
}

// requestTokens asks for messages: for one account after the other, each time to a new
// address, which is one of a thousand domains', from one of many networks.
func (w *world) requestTokens(take func(email, secret string, by caller, a answer) error) source {
	return func() (exchange, bool) {
		n := int(w.asked.Add(1))
		p := w.people[n%len(w.people)]
		by := caller{user: p.user, token: p.token, client: network(n)}
		email, secret := fmt.Sprintf("user%d@domain%d.example", n, n%1000), fmt.Sprintf("secret%d", n)
		x := exchange{request: post(v2+"/validate/email/requestToken", by, requestBody(email, secret, ""))}
		if take != nil {
			x.take = func(a answer) error { return take(email, secret, by, a) }
		}
		return x, true
	}
}

// network is the n-th of many networks.
func network(n int) string { return fmt.Sprintf("198.18.%d.%d", n>>8&0xff, n&0xff) }

// requestBody asks for a message; more is further members.
func requestBody(email, secret, more string) string {
	return fmt.Sprintf(`{"email":%q,"client_secret":%q,"send_attempt":1%s}`, email, secret, more)
}
