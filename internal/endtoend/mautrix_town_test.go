//go:build goolm

package endtoend

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"signet/internal/store/storetest"
)

func TestTheTownByMautrixGo(t *testing.T) {
	t.Parallel()
	e := postgres
	if os.Getenv(storetest.PostgresURL) == "" {
		e = sqlite
	}
	p := newTown(t, e)
	anna := p.settles(p.hs, "anna", byMail("anna@example.org"))
	anna.begins()
	kitchen := anna.creates()
	anna.invites(kitchen, byMail("ben@example.org"))
	p.mailedKey("ben@example.org")

	ben := p.settles(p.other, "ben", byMail("ben@example.org"))
	ben.begins()
	ben.isFoundBy(byMail("ben@example.org"))
	ben.sees("that he is invited", func(e *event.Event) bool { return e.RoomID == kitchen && ben.is(event.MembershipInvite, e) })
	ben.joins(kitchen)
	anna.sees("that ben is there", func(e *event.Event) bool { return e.RoomID == kitchen && ben.is(event.MembershipJoin, e) })
	anna.says(kitchen, "Shall we have tea?", ben.gopher)
	ben.sees("what anna says", anna.hasSaid("Shall we have tea?"))
	ben.says(kitchen, "I bring the cups.", anna.gopher)
	anna.sees("what ben says", ben.hasSaid("I bring the cups."))
	ben.unbinds(byMail("ben@example.org"))
	ben.logsInByCode()

	number := reach{medium: "msisdn", sentTo: "447400123457", asked: map[string]any{"country": "GB", "phone_number": "07400 123457"}, code: textedCode}
	carol := p.settles(p.other, "carol", number)
	carol.logsInBy(mautrix.UserIdentifier{Type: mautrix.IdentifierTypePhone, Country: "GB", Phone: "07400 123457"})
}

// settler is somebody at a homeserver of the town, who is known to the identity server.
type settler struct {
	*gopher
	town *trio
	hs   *process
	ids  *mautrix.Client // of the identity server
}

// reach is an address, as clients ask for a code and as it is sent.
type reach struct {
	medium, sentTo string
	asked          map[string]any
	code           *regexp.Regexp
}

func byMail(address string) reach {
	return reach{medium: "email", sentTo: address, asked: map[string]any{"email": address}, code: codePattern}
}

// settles signs up in the flow that has the address, and is known to the identity server then.
func (p *trio) settles(hs *process, name string, by reach) *settler {
	p.Helper()
	s := &settler{gopher: newcomer(p.T, hs.url), town: p, hs: hs}
	s.ids = s.newClient(p.id.url)
	flows := s.stage(name, nil)
	session := flows.Session
	s.solves(session)
	flows = s.stage(name, mautrix.BaseAuthData{Session: session})
	if flows.Params["m.login.terms"] == nil || len(flows.Completed) != 1 {
		s.Fatalf("after the CAPTCHA: %+v", flows)
	}
	s.stage(name, mautrix.BaseAuthData{Type: "m.login.terms", Session: session})
	proof := s.shows(by, "register")
	stages := map[string]mautrix.AuthType{"email": mautrix.AuthTypeEmail, "msisdn": mautrix.AuthTypeMSISDN}
	made, _, err := s.client.Register(s.ctx, s.registration(name, map[string]any{"type": stages[by.medium], "session": session, "threepid_creds": proof}))
	s.must(err)
	s.client.UserID, s.client.DeviceID, s.client.AccessToken = made.UserID, made.DeviceID, made.AccessToken
	s.agrees()
	return s
}

func (s *settler) registration(name string, auth any) *mautrix.ReqRegister[any] {
	return &mautrix.ReqRegister[any]{Username: name, Password: clientPassword, Auth: auth}
}

// stage is a request that is to be answered by what comes next.
func (s *settler) stage(name string, auth any) *mautrix.RespUserInteractive {
	s.Helper()
	made, next, err := s.client.Register(s.ctx, s.registration(name, auth))
	s.must(err)
	if made != nil || next == nil {
		s.Fatalf("%s has an account too early: %+v", name, made)
	}
	return next
}

var pictureOfPage = regexp.MustCompile(`/([^/"]+)/image"`)

// solves passes the CAPTCHA on the homeserver's page, in a browser.
func (s *settler) solves(session string) {
	s.Helper()
	page := s.client.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "auth", "im.signet.captcha", "fallback", "web"}, map[string]string{"session": session})
	v := s.town.visit()
	_, text, _ := v.read(v.client.Get(page))
	if _, text, _ = v.read(v.client.PostForm(page, map[string][]string{"answer": {s.reads(text)}})); !strings.Contains(text, "Go back to your app.") {
		s.Fatalf("after the CAPTCHA: %s", text)
	}
}

// reads is what a person reads in the picture of a page.
func (s *settler) reads(page string) string {
	s.Helper()
	picture := pictureOfPage.FindStringSubmatch(page)
	if picture == nil {
		s.Fatalf("no picture in %s", page)
	}
	return s.town.digits(picture[1])
}

type codeAsked struct {
	SID       string `json:"sid"`
	SubmitURL string `json:"submit_url"`
}

type shown struct {
	SID    string `json:"sid"`
	Secret string `json:"client_secret"`
}

// shows has a code sent by the homeserver, for a purpose, and enters it.
func (s *settler) shows(by reach, purpose string) shown {
	s.Helper()
	return s.showsTo(s.client, by, s.client.BuildClientURL("v3", purpose, by.medium, "requestToken"))
}

func (s *settler) showsTo(server *mautrix.Client, by reach, url string) shown {
	s.Helper()
	body := map[string]any{"client_secret": s.client.TxnID(), "send_attempt": 1}
	for name, value := range by.asked {
		body[name] = value
	}
	var asked codeAsked
	s.asks(server, "POST", url, body, &asked)
	if asked.SubmitURL == "" { // at an identity server
		asked.SubmitURL = strings.Replace(url, "/requestToken", "/submitToken", 1)
	}
	code := s.town.codeLike(by.code, by.sentTo)
	proof := shown{asked.SID, body["client_secret"].(string)}
	var told struct{ Success bool }
	s.asks(server, "POST", asked.SubmitURL, map[string]any{"sid": proof.SID, "client_secret": proof.Secret, "token": code}, &told)
	if !told.Success {
		s.Fatalf("the code of %s is not taken", by.medium)
	}
	return proof
}

// asks makes a request of the library's that must succeed.
func (s *settler) asks(server *mautrix.Client, method, url string, body, into any) {
	s.Helper()
	if _, err := server.MakeRequest(s.ctx, method, url, body, into); err != nil {
		s.Fatalf("%s %s: %v\n%s", method, url, err, s.hs.output.String())
	}
}

func (s *settler) idURL(path ...any) string {
	return s.ids.BuildURL(mautrix.BaseURLPath(append([]any{"_matrix", "identity", "v2"}, path...)))
}

// agrees makes the person known to the identity server, and accepts its terms.
func (s *settler) agrees() {
	s.Helper()
	openID, err := s.client.RequestOpenIDToken(s.ctx)
	s.must(err)
	var registered struct{ Token string }
	s.asks(s.ids, "POST", s.idURL("account", "register"), openID, &registered)
	s.ids.AccessToken = registered.Token
	if _, err := s.ids.MakeRequest(s.ctx, "GET", s.idURL("account"), nil, nil); !errors.Is(err, mautrix.RespError{ErrCode: "M_TERMS_NOT_SIGNED"}) {
		s.Fatalf("before the terms: %v", err)
	}
	var terms struct {
		Policies map[string]map[string]any `json:"policies"`
	}
	s.asks(s.ids, "GET", s.idURL("terms"), nil, &terms)
	english, _ := terms.Policies["privacy"]["en"].(map[string]any)
	s.asks(s.ids, "POST", s.idURL("terms"), map[string]any{"user_accepts": []any{english["url"]}}, nil)
	s.asks(s.ids, "GET", s.idURL("account"), nil, nil)
}

func (s *settler) idServer() string { return strings.TrimPrefix(s.town.id.url, "http://") }

// invites is the library's InviteUserByThirdParty with the token, which that leaves out.
func (s *settler) invites(room id.RoomID, by reach) {
	s.Helper()
	s.asks(s.client, "POST", s.client.BuildClientURL("v3", "rooms", room, "invite"),
		map[string]any{"id_server": s.idServer(), "id_access_token": s.ids.AccessToken, "medium": by.medium, "address": by.sentTo}, nil)
}

func (s *settler) isFoundBy(by reach) {
	s.Helper()
	proof := s.showsTo(s.ids, by, s.idURL("validate", by.medium, "requestToken"))
	s.asks(s.client, "POST", s.client.BuildClientURL("v3", "account", "3pid", "bind"),
		map[string]any{"id_server": s.idServer(), "id_access_token": s.ids.AccessToken, "sid": proof.SID, "client_secret": proof.Secret}, nil)
}

func (s *settler) unbinds(by reach) {
	s.Helper()
	var told struct {
		Result string `json:"id_server_unbind_result"`
	}
	s.asks(s.client, "POST", s.client.BuildClientURL("v3", "account", "3pid", "unbind"), map[string]any{"medium": by.medium, "address": by.sentTo}, &told)
	if told.Result != "success" {
		s.Errorf("unbinding: %q", told.Result)
	}
}

// logsInByCode is at a new device, in a browser that goes back to the app.
func (s *settler) logsInByCode() {
	s.Helper()
	client := s.newClient(s.hs.url)
	flows, err := client.GetLoginFlows(s.ctx)
	s.must(err)
	if !flows.HasFlow(mautrix.AuthTypeSSO) || !flows.HasFlow(mautrix.AuthTypeToken) {
		s.Fatalf("the flows are %+v", flows)
	}
	pages := *s.town.pair
	pages.hs = s.hs
	v := pages.visit()
	v.begin("io.element.app:/callback")
	_, page, _ := v.send("address", "ben@example.org")
	v.send("answer", s.reads(page)) // for he has had many messages
	v.send("code", s.town.code("ben@example.org"))
	_, page, location := v.send("agreed", "1")
	token, found := strings.CutPrefix(location, "io.element.app:/callback?loginToken=")
	if !found {
		s.Fatalf("the browser goes to %q from %s", location, page)
	}
	login, err := client.Login(s.ctx, &mautrix.ReqLogin{Type: mautrix.AuthTypeToken, Token: token, InitialDeviceDisplayName: "Ben's new app"})
	s.must(err)
	if login.UserID != s.client.UserID {
		s.Errorf("%s has logged in", login.UserID)
	}
	s.town.mailed("ben@example.org", "Ben's new app")
}

func (s *settler) logsInBy(who mautrix.UserIdentifier) {
	s.Helper()
	login, err := s.newClient(s.hs.url).Login(s.ctx, &mautrix.ReqLogin{Type: mautrix.AuthTypePassword, Identifier: who, Password: clientPassword})
	s.must(err)
	if login.UserID != s.client.UserID {
		s.Errorf("%s has logged in", login.UserID)
	}
}
