package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"signet/internal/localca"
)

// homeservers play the homeservers whose users the clients are. Each has an address of
// loopback for its name, and vouches for whomever a token names.
type homeservers struct {
	ca    string // file of the authority that issued their certificate
	names []string
	http  http.Server
}

func startHomeservers(dir string, n int) (*homeservers, error) {
	ca, err := localca.Open(dir, time.Now, rand.Reader)
	if err != nil {
		return nil, err
	}
	h := &homeservers{ca: ca.CAFile()}
	var hosts []string
	for i := range n {
		hosts = append(hosts, fmt.Sprintf("127.0.%d.%d", 1+i/200, 1+i%200))
	}
	if h.http.TLSConfig, err = ca.TLSConfig(hosts); err != nil {
		return nil, err
	}
	h.http.Handler = http.HandlerFunc(userInfo)
	h.http.ErrorLog = log.New(io.Discard, "", 0) // connections that are cut at the end
	for _, host := range hosts {
		if err := h.listen(host); err != nil {
			h.close()
			return nil, err
		}
	}
	return h, nil
}

func (h *homeservers) listen(host string) error {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return err
	}
	h.names = append(h.names, l.Addr().String())
	go func() { _ = h.http.ServeTLS(l, "", "") }()
	return nil
}

func (h *homeservers) close() { _ = h.http.Close() }

// GET /_matrix/federation/v1/openid/userinfo
func userInfo(w http.ResponseWriter, r *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]string{"sub": r.URL.Query().Get("access_token")})
}

// person is a user with an account.
type person struct{ user, token string }

// join registers an account for each of n users, spread over the homeservers.
func (h *homeservers) join(ctx context.Context, addrs []string, n int) ([]person, error) {
	people := make([]person, n)
	next := upTo(n, func(i int) exchange {
		name := h.names[i%len(h.names)]
		p := &people[i]
		p.user = fmt.Sprintf("@user%d:%s", i, name)
		body := fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","matrix_server_name":%q,"expires_in":3600}`, p.user, name)
		return exchange{request: post(v2+"/account/register", caller{client: network(i)}, body), take: p.join}
	})
	if _, err := hammer(ctx, addrs, joining, forever, next); err != nil {
		return nil, fmt.Errorf("registering accounts: %w", err)
	}
	return people, ctx.Err()
}

func (p *person) join(a answer) error {
	var registered struct{ Token string }
	if err := json.Unmarshal(a.body, &registered); err != nil || registered.Token == "" {
		return a.hoped(http.StatusOK)
	}
	p.token = registered.Token
	return nil
}
