package webclient_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"signet/internal/homeserver/webclient"
	"signet/internal/mxhttp"
)

// servers are a homeserver that serves the client and an identity server, both of which say
// what a test has them say, and make it as hard as they may.
type servers struct {
	*testing.T
	url, identity string

	mu sync.Mutex // guards what follows
	state
}

type state struct {
	flows     [][]string
	completed []string
	captcha   int      // how many were shown
	needed    bool     // a CAPTCHA before a message
	opened    bool     // the link of the last message
	taken     string   // a user name
	names     []string // of those who have come in
	passwords []string // that were set
	agreed    bool     // to the terms of the identity server
	bound     bool
	found     string            // the client secret of a sign-up in order to be found
	busy      bool              // the identity server, when the homeserver would bind
	asked     []string          // bodies that are worth a look
	pepper    int               // how often it was asked for
	people    map[string]string // by address and medium
	publishes bool              // keys
	keys      string            // how a user's are in the key directory; empty: it does not prove that
	direct    string            // the account data that says with whom there are rooms of two
}

// change has the servers be otherwise from now on.
func (s *servers) change(f func(*state)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.state)
}

// now is how they are.
func (s *servers) now() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// code is that of each message and CAPTCHA.
const code = "12345678"

func startServers(t *testing.T, flows ...[]string) *servers {
	t.Helper()
	s := &servers{T: t, state: state{flows: flows}}
	identity := httptest.NewServer(crossOrigin(s.identityServer()))
	t.Cleanup(identity.Close)
	s.identity = identity.URL
	mux := s.homeserver()
	home := httptest.NewUnstartedServer(mux)
	s.url = "http://" + home.Listener.Addr().String()
	client, err := webclient.New(webclient.Options{ServerName: "hs.test", PublicURL: s.url, IdentityServer: s.identity})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := mxhttp.New(mxhttp.Options{}, client.Routes())
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("GET /{$}", pages)
	mux.Handle("GET /_signet/web/", pages)
	home.Start()
	t.Cleanup(home.Close)
	t.Cleanup(home.CloseClientConnections) // of those who wait for news
	return s
}

func crossOrigin(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "Authorization, Content-Type"} {
			w.Header().Set(name, value)
		}
		if r.Method != http.MethodOptions {
			h.ServeHTTP(w, r)
		}
	})
}

// request is what is read of any body.
type request struct {
	Username    string          `json:"username"`
	Password    string          `json:"password"`
	NewPassword string          `json:"new_password"`
	Token       string          `json:"token"`
	Email       string          `json:"email"`
	PhoneNumber string          `json:"phone_number"`
	Challenge   json.RawMessage `json:"im.signet.challenge"`
	Bind        json.RawMessage `json:"im.signet.bind"`
	Access      *string         `json:"id_access_token"`
	Secret      string          `json:"client_secret"`
	Identifier  json.RawMessage `json:"identifier"`
	Algorithm   string          `json:"algorithm"`
	Pepper      string          `json:"pepper"`
	Addresses   []string        `json:"addresses"`
	Invite      []string        `json:"invite"`
	Direct      bool            `json:"is_direct"`
	Publish     bool            `json:"publish"`
	Auth        *struct {
		Type, Session, Answer, Token string
		Creds                        struct{ SID string } `json:"threepid_creds"`
	} `json:"auth"`
}

// on answers a call with what handle returns: a status and anything that is JSON.
func (s *servers) on(mux *http.ServeMux, route string, handle func(request) (int, any)) {
	mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
		var q request
		_ = json.NewDecoder(r.Body).Decode(&q) // a GET has none
		s.mu.Lock()
		status, answer := handle(q)
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	})
}

type object map[string]any

func refusal(code string) object { return object{"errcode": code, "error": "in the server's words"} }

const client = "/_matrix/client/v3"

func (s *servers) homeserver() *http.ServeMux {
	mux := http.NewServeMux()
	s.on(mux, "GET "+client+"/register/available", func(request) (int, any) { return 200, object{"available": true} })
	s.on(mux, "POST "+client+"/register", func(q request) (int, any) {
		return s.authenticate(q, func() (int, any) {
			if s.taken == q.Username {
				return 400, refusal("M_USER_IN_USE")
			}
			s.names, s.passwords = append(s.names, q.Username), append(s.passwords, q.Password)
			return 200, object{"user_id": "@" + q.Username + ":hs.test", "access_token": "t", "device_id": "D"}
		})
	})
	s.on(mux, "POST "+client+"/account/password", func(q request) (int, any) {
		return s.authenticate(q, func() (int, any) {
			s.passwords = append(s.passwords, q.NewPassword)
			return 200, object{}
		})
	})
	s.on(mux, "POST "+client+"/login", func(q request) (int, any) {
		s.asked = append(s.asked, string(q.Identifier))
		if q.Password != password {
			return 403, refusal("M_FORBIDDEN")
		}
		return 200, object{"user_id": "@anna:hs.test", "access_token": "t", "device_id": "D"}
	})
	for _, path := range []string{"/register", "/account/password"} {
		for _, medium := range []string{"email", "msisdn"} {
			s.on(mux, "POST "+client+path+"/"+medium+"/requestToken", s.requestToken(s.submitURL))
		}
	}
	s.on(mux, "POST /submit", s.submit)
	s.on(mux, "POST "+client+"/createRoom", func(q request) (int, any) {
		s.asked = append(s.asked, fmt.Sprint("room ", q.Direct, q.Invite))
		return 200, object{"room_id": "!r:evil.test"}
	})
	s.on(mux, "POST "+client+"/logout", func(request) (int, any) { return 200, object{} })
	s.on(mux, "GET "+client+"/account/3pid", func(request) (int, any) {
		return 200, object{"threepids": []object{{"medium": "email", "address": "anna@example.org"}}}
	})
	s.on(mux, "POST "+client+"/account/3pid/bind", func(q request) (int, any) {
		switch {
		case s.busy:
			return 429, refusal("M_LIMIT_EXCEEDED")
		case !s.agreed:
			return 403, refusal("M_TERMS_NOT_SIGNED")
		case q.Access == nil && q.Secret != s.found:
			return 400, refusal("M_INVALID_PARAM")
		}
		s.bound = true
		return 200, object{}
	})
	s.on(mux, "POST "+client+"/account/3pid/unbind", func(request) (int, any) {
		s.bound = false
		return 200, object{"id_server_unbind_result": "success"}
	})
	s.on(mux, "POST "+client+"/user/{user}/openid/request_token", func(request) (int, any) { return 200, object{"access_token": "o"} })
	mux.HandleFunc(client+"/user/{user}/account_data/m.direct", s.keepDirect)
	s.on(mux, "GET "+client+"/rooms/{room}/state/m.room.member/{user}", func(request) (int, any) { return 200, object{"membership": "invite"} })
	s.on(mux, "POST "+client+"/keys/query", func(request) (int, any) {
		return 200, object{"master_keys": object{"@anna:hs.test": object{}}}
	})
	s.on(mux, "PUT "+client+"/user/{user}/account_data/im.signet.publish_keys", func(q request) (int, any) {
		s.publishes = q.Publish
		return 200, object{}
	})
	s.on(mux, "GET /_signet/client/v1/keys/directory", func(request) (int, any) {
		state := "none"
		if s.publishes {
			state = "published"
		}
		return 200, object{"publish": s.publishes, "state": state}
	})
	s.on(mux, "GET /_signet/client/v1/keys/{user}", func(request) (int, any) {
		if s.keys == "" {
			return 502, refusal("IM.SIGNET.PROOF_FAILED")
		}
		return 200, object{"state": s.keys}
	})
	mux.HandleFunc("GET "+client+"/sync", s.sync)
	mux.HandleFunc("GET "+client+"/auth/{stage}/fallback/web", s.fallback)
	return mux
}

// keepDirect keeps what is put there.
func (s *servers) keepDirect(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // an error shows in what is kept
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPut {
		s.direct = string(body)
	}
	if s.direct == "" {
		w.WriteHeader(http.StatusNotFound)
	}
	fmt.Fprint(w, s.direct)
}

func (s *servers) submitURL() string { return s.url + "/submit" }

// authenticate lets through what has passed a flow.
func (s *servers) authenticate(q request, done func() (int, any)) (int, any) {
	challenge := object{"session": "s1", "flows": s.offered(), "params": object{
		"im.signet.captcha": s.challenge(),
		"m.login.terms": object{"policies": object{
			"privacy": object{"version": "1", "en": object{"name": "Privacy policy", "url": s.identity + "/privacy"}},
			"evil":    object{"version": "1", "en": object{"name": "<b>Evil</b>", "url": "javascript:document.title='evil'"}},
		}},
	}}
	if q.Auth != nil && q.Auth.Type != "" {
		switch stage := q.Auth.Type; {
		case stage == "im.signet.captcha" && q.Auth.Answer != code[:6]:
			s.captcha++
			challenge["params"].(object)["im.signet.captcha"] = s.challenge()
			challenge["errcode"], challenge["error"] = "M_CAPTCHA_INVALID", "no"
		case (stage == "m.login.email.identity" || stage == "m.login.msisdn") && !s.opened:
			challenge["errcode"], challenge["error"] = "M_THREEPID_AUTH_FAILED", "not yet"
		case !slices.Contains(s.completed, stage):
			s.completed = append(s.completed, stage)
		}
	}
	challenge["completed"] = append([]string{}, s.completed...)
	for _, flow := range s.flows {
		if slices.Equal(flow, s.completed) {
			return done()
		}
	}
	return 401, challenge
}

func (s *servers) offered() (flows []object) {
	for _, stages := range s.flows {
		flows = append(flows, object{"stages": stages})
	}
	return flows
}

func (s *servers) challenge() object {
	id := fmt.Sprint("c", s.captcha)
	return object{"id": id, "url": s.identity + "/c", "image_url": s.identity + "/image/" + id, "audio_url": s.identity + "/audio/" + id, "expires_at": 9e15}
}

// requestToken sends nothing before a CAPTCHA, where one is needed.
func (s *servers) requestToken(submit func() string) func(request) (int, any) {
	return func(q request) (int, any) {
		s.asked = append(s.asked, q.Email+q.PhoneNumber+string(q.Challenge)+string(q.Bind))
		if string(q.Bind) == "true" {
			s.found = q.Secret
		}
		if s.needed && string(q.Challenge) != `{"id":"c`+fmt.Sprint(s.captcha)+`","answer":"`+code[:6]+`"}` {
			s.captcha++
			refused := refusal("M_CAPTCHA_NEEDED")
			refused["im.signet.challenge"] = s.challenge()
			return 403, refused
		}
		s.opened = false
		return 200, object{"sid": "sid1", "submit_url": submit()}
	}
}

func (s *servers) submit(q request) (int, any) {
	if q.Token != code {
		return 400, refusal("M_TOKEN_INCORRECT")
	}
	s.opened = true
	return 200, object{"success": true}
}

// sync tells of a room whose people mean no good, and then of nothing.
func (s *servers) sync(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Query().Get("since") != "" {
		<-r.Context().Done()
		return
	}
	const evil = `<img src=x onerror=document.title='evil'>`
	say := func(id string, content object) object {
		return object{"type": "m.room.message", "event_id": id, "sender": "@eve:evil.test", "origin_server_ts": 1700000000000, "content": content}
	}
	member := object{"type": "m.room.member", "state_key": "@eve:evil.test", "sender": "@eve:evil.test", "event_id": "$m", "content": object{"membership": "join", "displayname": evil}}
	_ = json.NewEncoder(w).Encode(object{"next_batch": "1", "rooms": object{
		"join": object{"!r:evil.test": object{
			"state": object{"events": []object{member}},
			"timeline": object{"events": []object{
				{"type": "m.room.name", "state_key": "", "event_id": "$n", "sender": "@eve:evil.test", "content": object{"name": "Den " + evil}},
				say("$1", object{"msgtype": "m.text", "body": "plain " + evil, "format": "org.matrix.custom.html", "formatted_body": evil}),
				say("$2", object{"msgtype": "m.image", "body": "picture.png", "url": "https://evil.test/picture.png"}),
				say("$3", object{"msgtype": "m.text", "body": object{"toString": "evil"}}),
				say("$4", object{}),
				{"type": "m.room.encrypted", "event_id": "$5", "sender": "@eve:evil.test", "origin_server_ts": 1700000000000, "content": object{}},
			}},
		}},
		"invite": object{"!i:evil.test": object{"invite_state": object{"events": []object{
			member,
			{"type": "m.room.member", "state_key": "@anna:hs.test", "sender": "@eve:evil.test", "content": object{"membership": "invite"}},
		}}}},
	}})
}

// fallback is the page of a stage that the client does not know.
func (s *servers) fallback(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Query().Get("session") != "s1" {
		http.NotFound(w, r)
		return
	}
	s.completed = append(s.completed, r.PathValue("stage"))
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, `<!DOCTYPE html><link rel="icon" href="data:image/svg+xml;,"><script>opener.postMessage("authDone", "*")</script>`)
}

func (s *servers) identityServer() *http.ServeMux {
	const v2 = "/_matrix/identity/v2"
	mux := http.NewServeMux()
	s.on(mux, "POST "+v2+"/account/register", func(request) (int, any) { return 200, object{"token": "i"} })
	s.on(mux, "GET "+v2+"/account", func(request) (int, any) {
		if !s.agreed {
			return 403, refusal("M_TERMS_NOT_SIGNED")
		}
		return 200, object{}
	})
	s.on(mux, "GET "+v2+"/terms", func(request) (int, any) {
		return 200, object{"policies": object{"terms": object{"version": "2", "fr": object{"name": "Conditions", "url": s.identity + "/terms"}}}}
	})
	s.on(mux, "POST "+v2+"/terms", func(request) (int, any) {
		s.agreed = true
		return 200, object{}
	})
	s.on(mux, "POST "+v2+"/account/logout", func(request) (int, any) { return 200, object{} })
	s.on(mux, "POST "+v2+"/validate/email/requestToken", s.requestToken(func() string { return "" }))
	s.on(mux, "POST "+v2+"/validate/email/submitToken", s.submit)
	s.on(mux, "GET "+v2+"/3pid/getValidated3pid", func(request) (int, any) {
		if !s.opened {
			return 400, refusal("M_SESSION_NOT_VALIDATED")
		}
		return 200, object{"medium": "email", "address": "anna@example.org"}
	})
	s.on(mux, "GET /_signet/v1/me", func(request) (int, any) {
		bindings := []object{}
		if s.bound {
			bindings = append(bindings, object{"medium": "email", "address": "anna@example.org"})
		}
		return 200, object{"bindings": bindings}
	})
	s.on(mux, "GET "+v2+"/hash_details", func(request) (int, any) {
		s.pepper++
		return 200, object{"algorithms": []string{"none", "sha256"}, "lookup_pepper": fmt.Sprint("pepper", s.pepper)}
	})
	s.on(mux, "POST "+v2+"/lookup", func(q request) (int, any) {
		if s.pepper < 2 { // which has just changed
			return 400, refusal("M_INVALID_PEPPER")
		}
		found := object{}
		for address, user := range s.people {
			sum := sha256.Sum256([]byte(address + " " + q.Pepper))
			if hash := base64.RawURLEncoding.EncodeToString(sum[:]); slices.Contains(q.Addresses, hash) {
				found[hash] = user
			}
		}
		s.asked = append(s.asked, fmt.Sprint(q.Algorithm, " ", len(q.Addresses)))
		return 200, object{"mappings": found, "im.signet.truncated": 1}
	})
	mux.HandleFunc("GET /image/{id}", func(w http.ResponseWriter, r *http.Request) {
		_ = png.Encode(w, image.NewGray(image.Rect(0, 0, 240, 80)))
	})
	return mux
}
