// Package idclienttest is an identity server for tests, which does as it should or as a test
// has it.
package idclienttest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// Code is the code of every message.
const Code = "123456"

// Server is identity servers, all of one memory, that answer one homeserver. Its methods are
// safe for concurrent use; fields are set and read between requests.
type Server struct {
	Asked     []string                  // the host and path of every request
	Last      map[string]any            // the body of the last one
	Sessions  map[string]map[string]any // by sid: what getValidated3pid says
	Validated map[string]bool           // by sid
	Told      []map[string]any          // the notices
	Media     any                       // what it says that it sends codes to; nil: nothing
	Bound     map[string]string         // who is behind an address, by "id.test email alice@example.org"

	Down     bool                                   // answers nothing
	Says     *fedclient.Response                    // answers everything, if set
	Answers  func(asked string) *fedclient.Response // answers what it is not nil for, if set
	Token    string                                 // is the only one it takes, and from nobody else, if set
	SID      string                                 // is given to everybody, if set
	Passes   map[string]bool                        // CAPTCHAs of which each message costs one, if set
	Lie      func(answer map[string]any)            // changes what getValidated3pid says
	Answered func()                                 // is called while an answer is on its way

	mu         sync.Mutex
	homeserver matrix.ServerName
	bearer     string            // of the last request; empty for one that the homeserver signed
	spent      map[string]bool   // sids by which somebody was bound
	sids       map[string]string // by what was asked for
	mute       map[string]bool   // sids of which no code was sent: the address has an account
	revoked    map[string]bool   // keys, in base64
	stored     []map[string]any  // bodies of store-invite
	replies    map[string]string // what is said instead of the truth, by the end of a path
	once       map[string]string // likewise, the first time
}

// New is an identity server that a homeserver may ask.
func New(homeserver matrix.ServerName) *Server {
	return &Server{
		homeserver: homeserver, spent: map[string]bool{}, sids: map[string]string{}, mute: map[string]bool{}, revoked: map[string]bool{}, replies: map[string]string{}, once: map[string]string{},
		Sessions: map[string]map[string]any{}, Validated: map[string]bool{}, Bound: map[string]string{},
	}
}

// Client asks it as its homeserver.
func (s *Server) Client(now func() time.Time) *idclient.Client { return s.ClientOf(s.homeserver, now) }

// ClientOf asks it as some homeserver.
func (s *Server) ClientOf(homeserver matrix.ServerName, now func() time.Time) *idclient.Client {
	key := matrix.SigningKey{ID: "ed25519:a", Private: ed25519.NewKeyFromSeed(make([]byte, 32))}
	return idclient.New(idclient.Options{Federation: s, ServerName: homeserver, Now: now, Rand: rand.Reader,
		Key: func(context.Context) (matrix.SigningKey, error) { return key, nil }})
}

// Do answers a request.
func (s *Server) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, query, _ := strings.Cut(strings.TrimPrefix(r.Path, "/_matrix/identity/v2"), "?")
	asked := r.Server.String() + path
	s.Asked = append(s.Asked, asked)
	s.Last, s.bearer = nil, r.Bearer
	if len(r.Body) > 0 {
		if err := json.Unmarshal(r.Body, &s.Last); err != nil {
			return fedclient.Response{}, err
		}
	}
	if s.Answered != nil {
		defer s.Answered()
	}
	if s.Answers != nil {
		if answer := s.Answers(asked); answer != nil {
			return *answer, nil
		}
	}
	if text, replies := s.reply(path); replies {
		return read(text)
	}
	switch {
	case s.Down:
		return fedclient.Response{}, fedclient.ErrUnreachable
	case s.Says != nil:
		return *s.Says, nil
	case path == "" && s.Media == nil:
		return OK(map[string]any{}), nil
	case path == "":
		return OK(map[string]any{"im.signet.media": s.Media}), nil
	case path == validPath:
		return s.valid(query)
	case !s.lets(r):
		return Refusal(http.StatusUnauthorized, matrix.Unauthorized), nil
	}
	return s.answer(r.Server.String(), path, query)
}

// lets tells whether a request is one of the homeserver, or of a user.
func (s *Server) lets(r fedclient.Request) bool {
	switch {
	case s.Token != "":
		return r.Bearer == s.Token
	case r.Bearer != "":
		return true
	}
	return r.Sign != nil && r.Sign.Server == s.homeserver
}

func (s *Server) answer(server, path, query string) (fedclient.Response, error) {
	switch path {
	case "/validate/email/requestToken", "/validate/msisdn/requestToken":
		if s.Passes != nil && !s.spend() {
			return CaptchaNeeded(), nil
		}
		return OK(map[string]any{"sid": s.open()}), nil
	case "/validate/email/submitToken", "/validate/msisdn/submitToken":
		if s.Last["token"] != Code || s.mute[fmt.Sprint(s.Last["sid"])] {
			return Refusal(http.StatusBadRequest, matrix.TokenIncorrect), nil
		}
		s.Validated[fmt.Sprint(s.Last["sid"])] = true
		return OK(map[string]any{"success": true}), nil
	case "/3pid/getValidated3pid":
		q, err := url.ParseQuery(query)
		return s.show(q.Get("sid")), err
	case "/hash_details":
		return OK(map[string]any{"algorithms": []string{"sha256"}, "lookup_pepper": pepper}), nil
	case "/lookup":
		return s.lookup(server), nil
	case "/store-invite":
		return s.store(server), nil
	case "/3pid/bind":
		return s.bind(server), nil
	case "/_signet/v1/users/bind":
		return s.bindUser(server), nil
	case "/3pid/unbind":
		return s.unbind(server), nil
	case "/_signet/v1/notices":
		s.Told = append(s.Told, s.Last)
		return OK(map[string]any{}), nil
	case "/_signet/v1/users/unbind":
		maps.DeleteFunc(s.Bound, func(address, user string) bool {
			return strings.HasPrefix(address, server+" ") && user == s.Last["user_id"]
		})
		return OK(map[string]any{}), nil
	}
	return Refusal(http.StatusNotFound, matrix.Unrecognized), nil
}

const pepper = "matrixrocks"

// lookup says who is behind hashes (identity service API, "sha256").
func (s *Server) lookup(server string) fedclient.Response {
	asked, _ := s.Last["addresses"].([]any)
	found := map[string]string{}
	for bound, user := range s.Bound {
		at, address, _ := strings.Cut(bound, " ")
		medium, address, _ := strings.Cut(address, " ")
		sum := sha256.Sum256([]byte(address + " " + medium + " " + pepper))
		if hash := base64.RawURLEncoding.EncodeToString(sum[:]); at == server && slices.Contains(asked, any(hash)) {
			found[hash] = user
		}
	}
	return OK(map[string]any{"mappings": found})
}

// spend uses up the CAPTCHA that a wish names.
func (s *Server) spend() bool {
	named, _ := s.Last["im.signet.challenge"].(map[string]any)
	id := fmt.Sprint(named["id"])
	passed := s.Passes[id]
	delete(s.Passes, id)
	return passed
}

// open gives the same sid for the same wish.
func (s *Server) open() string {
	wish := s.Last
	medium, address := "email", wish["email"]
	if phone, is := wish["phone_number"].(string); is {
		medium, address = "msisdn", strings.TrimPrefix(phone, "+")
	}
	asked := fmt.Sprint(address, wish["client_secret"], wish["im.signet.purpose"], wish["im.signet.user_id"], wish["im.signet.bind"])
	if s.sids[asked] == "" {
		s.sids[asked] = fmt.Sprintf("sid%d", len(s.sids)+1)
	}
	sid := s.sids[asked]
	if s.SID != "" {
		sid = s.SID
	}
	session := map[string]any{"medium": medium, "address": address, "validated_at": 1_600_000_000_000,
		"im.signet.caller": s.homeserver.String(), "im.signet.purpose": wish["im.signet.purpose"]}
	if user := wish["im.signet.user_id"]; user != nil {
		session["im.signet.user_id"] = user
	}
	if bind := wish["im.signet.bind"]; bind != nil {
		session["im.signet.bind"] = bind
	}
	s.Sessions[sid] = session
	s.mute[sid] = wish["im.signet.existing"] == true
	return sid
}

func (s *Server) show(sid string) fedclient.Response {
	switch {
	case s.Sessions[sid] == nil, s.bearer != "" && s.opened(sid):
		return Refusal(http.StatusNotFound, matrix.NoValidSession)
	case !s.Validated[sid]:
		return Refusal(http.StatusBadRequest, matrix.SessionNotValidated)
	}
	answer := maps.Clone(s.Sessions[sid])
	if s.Lie != nil {
		s.Lie(answer)
	}
	return OK(answer)
}

// opened tells whether a session is the homeserver's, and no account's.
func (s *Server) opened(sid string) bool {
	return s.Sessions[sid]["im.signet.caller"] == s.homeserver.String()
}

// bindUser binds once what somebody has agreed to who signed up.
func (s *Server) bindUser(server string) fedclient.Response {
	sid := fmt.Sprint(s.Last["sid"])
	session := s.Sessions[sid]
	address := fmt.Sprint(server, " ", session["medium"], " ", session["address"])
	switch {
	case session["im.signet.bind"] != true || !s.Validated[sid]:
		return Refusal(http.StatusForbidden, matrix.Forbidden)
	case s.spent[sid] && s.Bound[address] != s.Last["user_id"]:
		return Refusal(http.StatusNotFound, matrix.NoValidSession)
	}
	s.spent[sid], s.Bound[address] = true, fmt.Sprint(s.Last["user_id"])
	return OK(map[string]any{})
}

func (s *Server) bind(server string) fedclient.Response {
	session := s.Sessions[fmt.Sprint(s.Last["sid"])]
	if session == nil {
		return Refusal(http.StatusNotFound, matrix.NoValidSession)
	}
	s.Bound[fmt.Sprint(server, " ", session["medium"], " ", session["address"])] = fmt.Sprint(s.Last["mxid"])
	return OK(map[string]any{"signatures": map[string]any{}})
}

func (s *Server) unbind(server string) fedclient.Response {
	pid, _ := s.Last["threepid"].(map[string]any)
	address := fmt.Sprint(server, " ", pid["medium"], " ", pid["address"])
	if s.Bound[address] != s.Last["mxid"] {
		return Refusal(http.StatusNotFound, matrix.NotFound)
	}
	delete(s.Bound, address)
	return OK(map[string]any{})
}
