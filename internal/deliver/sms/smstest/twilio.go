package smstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// The account of every fake Twilio.
const (
	AccountSID          = "AC00112233445566778899aabbccddeeff"
	AuthToken           = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
	APIKeySID           = "SKffeeddccbbaa99887766554433221100"
	APIKeySecret        = "Nk4wUqQ8mS2xYb7LrT1vZpA6cE3gJ9hd"
	From                = "+12015550199"
	MessagingServiceSID = "MG0123456789abcdef0123456789abcdef"
)

// Twilio is a fake of Twilio's Programmable Messaging: it takes POST
// /2010-04-01/Accounts/{sid}/Messages.json for its one account, by token or API key.
type Twilio struct {
	server
	refuse, fail int       // codes, under mu
	accepted     []Message // under mu
}

// Message is a message that a fake Twilio accepted.
type Message struct {
	To, Body                  string
	From, MessagingServiceSID string     // one of them
	User                      string     // who signed the request
	Form                      url.Values // all of it
}

// NewTwilio starts a fake Twilio that accepts messages until it is told otherwise.
// It ends with the test.
func NewTwilio(t testing.TB) *Twilio {
	f := &Twilio{}
	f.start(t, f.serve)
	return f
}

// Refuse makes it answer with an error of that code, in the status that Twilio
// gives with it; 0 makes it accept again.
func (f *Twilio) Refuse(code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = code
}

// FailAtOnce makes it answer with a message that has failed already, for a code; 0
// makes it accept again.
func (f *Twilio) FailAtOnce(code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = code
}

// Accepted is what it accepted so far, oldest first.
func (f *Twilio) Accepted() []Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.accepted)
}

func (f *Twilio) serve(w http.ResponseWriter, r *http.Request) {
	m, code := f.read(r)
	fault := f.enter()
	if fault != None {
		f.commit(fault, w, r, http.StatusCreated)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if code == 0 {
		code = f.refuse
	}
	if code != 0 {
		refuse(w, code, m.To)
		return
	}
	if f.fail == 0 {
		f.accepted = append(f.accepted, m)
	}
	create(w, m, f.fail, len(f.accepted))
}

// read checks a request and gives the code by which Twilio refuses it, 0 if it does
// not.
func (f *Twilio) read(r *http.Request) (Message, int) {
	user, password, _ := r.BasicAuth()
	err := r.ParseForm()
	m := Message{To: r.PostForm.Get("To"), Body: r.PostForm.Get("Body"), From: r.PostForm.Get("From"),
		MessagingServiceSID: r.PostForm.Get("MessagingServiceSid"), User: user, Form: r.PostForm}
	switch {
	case !(user == AccountSID && password == AuthToken) && !(user == APIKeySID && password == APIKeySecret):
		return m, 20003
	case r.URL.Path != "/2010-04-01/Accounts/"+AccountSID+"/Messages.json":
		return m, 20404
	case r.Method != http.MethodPost:
		return m, 20004
	case err != nil, r.Header.Get("Content-Type") != "application/x-www-form-urlencoded", len(r.URL.RawQuery) != 0:
		return m, 20001
	case m.To == "":
		return m, 21604
	case m.Body == "":
		return m, 21602
	case m.From == "" && m.MessagingServiceSID == "":
		return m, 21603
	case m.From != "" && m.From != From:
		return m, 21659
	case m.MessagingServiceSID != "" && m.MessagingServiceSID != MessagingServiceSID:
		return m, 21705
	}
	return m, 0
}

// statuses are those of codes that do not come with 400.
var statuses = map[int]int{20003: 401, 20004: 405, 20404: 404, 20429: 429, 20500: 500, 20503: 503, 60410: 403}

// refuse answers as Twilio does, with the number in the message.
func refuse(w http.ResponseWriter, code int, to string) {
	status := statuses[code]
	if status == 0 {
		status = http.StatusBadRequest
	}
	body, _ := json.Marshal(map[string]any{
		"code": code, "status": status, "message": fmt.Sprintf("The number %s is at fault", to),
		"more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code),
	})
	answer(w, status, "application/json", string(body))
}

// create answers with a new message.
func create(w http.ResponseWriter, m Message, failure, nth int) {
	message := map[string]any{
		"account_sid": AccountSID, "api_version": "2010-04-01", "body": m.Body, "direction": "outbound-api",
		"error_code": nil, "error_message": nil, "from": m.From, "num_segments": "1", "price": nil,
		"sid": fmt.Sprintf("SM%032x", nth), "status": "queued", "to": m.To,
	}
	if m.MessagingServiceSID != "" {
		message["from"], message["messaging_service_sid"], message["status"] = nil, m.MessagingServiceSID, "accepted"
	}
	if failure != 0 {
		message["status"], message["error_code"], message["error_message"] = "failed", failure, "Could not reach "+m.To
	}
	body, _ := json.Marshal(message)
	answer(w, http.StatusCreated, "application/json", string(body))
}
