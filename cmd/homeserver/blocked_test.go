package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	"signet/internal/homeserver/blocklist"
	"signet/internal/homeserver/event"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/program"
	"signet/internal/store/storetest"
)

// nowhere is an identity server that does not answer: what was kept of its policy counts.
const nowhere = "http://127.0.0.1:1"

// policyOf is the policy of an identity server.
type policyOf struct{ policy idclient.Policy }

func (p policyOf) Policy(context.Context, idclient.Server) (idclient.Policy, error) {
	return p.policy, nil
}

// keepBlocked is a server that has heard of nowhere whom that turns away, before it starts.
func keepBlocked(t *testing.T, database, entity string) {
	t.Helper()
	p, err := idclient.ParsePolicy(fmt.Appendf(nil, `{"server_name":"127.0.0.1:1","origin_server_ts":1,"rules":[{"entity":%q,"recommendation":"m.ban","position":7}]}`, entity))
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := idclient.ParseTrusted(nowhere, nil)
	if err != nil {
		t.Fatal(err)
	}
	db := storetest.Open(t, database, []string{"blocklist"})
	list, err := blocklist.Open(t.Context(), blocklist.Options{DB: db, Asker: policyOf{p}, At: trusted[0], Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = errors.Join(list.Refresh(t.Context()), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Bob's server is turned away where alice is: he neither comes into her room nor invites her to
// his, nor does she invite him.
func TestABlockedServerStaysOut(t *testing.T) {
	first := storetest.SQLite(t)
	keepBlocked(t, first, "localhost")
	pair := newPair(t, [2]string{first, storetest.SQLite(t)}, func(c *Config) { c.IdentityServer = nowhere })
	alice, bob := pair[0].person("alice"), pair[1].person("bob")
	at := pair[0].cfg.ServerName.String()
	hers, _ := alice.do("POST", "/createRoom", `{"preset":"public_chat"}`)["room_id"].(string)
	his, _ := bob.do("POST", "/createRoom", `{"preset":"public_chat"}`)["room_id"].(string)
	for what, refused := range map[string]func() (int, map[string]any){
		"his join": func() (int, map[string]any) {
			return bob.call(bob.token, "POST", "/join/"+url.PathEscape(hers)+"?via="+url.QueryEscape(at), `{}`)
		},
		"his invitation": func() (int, map[string]any) {
			return bob.call(bob.token, "POST", "/rooms/"+url.PathEscape(his)+"/invite", fmt.Sprintf(`{"user_id":%q}`, alice.id))
		},
		"her invitation": func() (int, map[string]any) {
			return alice.call(alice.token, "POST", "/rooms/"+url.PathEscape(hers)+"/invite", fmt.Sprintf(`{"user_id":%q}`, bob.id))
		},
	} {
		if status, answer := refused(); status != 403 || answer["errcode"] != "M_FORBIDDEN" || !strings.Contains(fmt.Sprint(answer["error"]), "entry 7") {
			t.Errorf("%s = %d %v", what, status, answer)
		}
	}
	if rooms, _ := alice.do("GET", "/sync", "")["rooms"].(map[string]any); rooms["invite"] != nil {
		t.Errorf("alice is invited: %v", rooms["invite"])
	}
	if members := fmt.Sprint(alice.do("GET", "/rooms/"+url.PathEscape(hers)+"/joined_members", "")); strings.Contains(members, bob.id) {
		t.Errorf("in alice's room are %s", members)
	}
	http.DefaultClient.CloseIdleConnections()
	for _, r := range pair {
		if status := r.stop(); status != 0 {
			t.Errorf("told to stop, a server ends with %d", status)
		}
	}
}

// built is the parts of a server that does not run.
func (w *world) built(look func(s *server)) {
	w.Helper()
	env := w.env(w.Context(), nil, nil)
	env.ConfigFile = w.file
	err := homeserver.WithStorage(env, func(storage *program.Storage) error {
		s, err := build(program.Frame{Env: env, Storage: storage, Config: &w.cfg, Log: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider()})
		if err == nil {
			defer s.release()
			look(s)
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

// invitation is an event by which somebody of another server invites a user of this one.
func invitation(t *testing.T, user matrix.UserID, of matrix.ServerName) *event.Event {
	t.Helper()
	key, server := user.String(), of.String()
	e, err := event.V11.Build(event.Proto{RoomID: "!r:" + server, Type: "m.room.member", StateKey: &key, Sender: "@erin:" + server, Content: []byte(`{"membership":"invite"}`)},
		event.Signer{Server: of, Key: matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(make([]byte, 32))}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What the parts of this program ask of each other about who gets in is asked of the block-list
// and of the budgets of invitations.
func TestWhoGetsInIsAskedOfTheParts(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		keepBlocked(t, url, "evil.test")
		w := newWorld(t, url, func(c *Config) { c.IdentityServer = nowhere })
		w.cfg.Limits.DryRun = false
		w.built(func(s *server) {
			us := matrix.UserID("@alice:" + s.cfg.ServerName.String())
			for server, want := range map[matrix.ServerName]bool{"evil.test": true, "evil.test:8448": true, "good.test": false, s.cfg.ServerName: false} {
				them := matrix.UserID("@them:" + server.String())
				hears, err := s.encryption.Hears(t.Context(), us, them)
				if err != nil || hears == want {
					t.Errorf("alice hears %s: %t, %v", them, hears, err)
				}
				for who, refusal := range map[string]error{"in a room": s.rooms.Refuse(server), "invited": s.rooms.Invitable(t.Context(), us, them), "inviting": s.rooms.Invitable(t.Context(), them, us)} {
					if (refusal != nil) != want {
						t.Errorf("%s, %s: %v", them, who, refusal)
					}
				}
			}
			passed := 0
			for range 40 {
				refusal, err := s.rooms.Bidden(t.Context(), invitation(t, us, "good.test"))
				if _, limited := errors.AsType[matrix.LimitExceeded](refusal); err != nil || refusal != nil && !limited {
					t.Fatalf("Bidden = %v, %v", refusal, err)
				}
				if refusal == nil {
					passed++
				}
			}
			if passed != 30 {
				t.Errorf("%d invitations of one server's user pass, want 30", passed)
			}
			signer, err := s.signs.current(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ours, err := invitation(t, us, "good.test").Sign(signer)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range []*event.Event{ours, invitation(t, us, "other.test")} {
				if refusal, err := s.rooms.Bidden(t.Context(), e); refusal != nil || err != nil {
					t.Errorf("one that this server has signed, or of another: %v, %v", refusal, err)
				}
			}
		})
	})
}
