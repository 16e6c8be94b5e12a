package sms

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"signet/internal/deliver"
	"signet/internal/deliver/sms/smstest"
	"signet/internal/threepid"
)

func TestTwilioTakesAMessage(t *testing.T) {
	byKey := func(o *TwilioOptions) {
		o.AuthToken, o.APIKeySID, o.APIKeySecret = "", smstest.APIKeySID, smstest.APIKeySecret
	}
	byService := func(o *TwilioOptions) { o.From, o.MessagingServiceSID = "", smstest.MessagingServiceSID }
	tests := []struct {
		name   string
		change []func(*TwilioOptions)
		user   string
		sender []string // the field that names it, and its value
	}{
		{"token and number", nil, smstest.AccountSID, []string{"From", smstest.From}},
		{"key and number", []func(*TwilioOptions){byKey}, smstest.APIKeySID, []string{"From", smstest.From}},
		{"token and service", []func(*TwilioOptions){byService}, smstest.AccountSID, []string{"MessagingServiceSid", smstest.MessagingServiceSID}},
		{"key and service", []func(*TwilioOptions){byKey, byService}, smstest.APIKeySID, []string{"MessagingServiceSid", smstest.MessagingServiceSID}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := smstest.NewTwilio(t)
			p := newTwilio(t, server, test.change...)
			if err := send(t, p, message(t, "one")); err != nil {
				t.Fatalf("SendSMS = %v, want it sent", err)
			}
			got := server.Accepted()
			if len(got) != 1 || got[0].To != "+"+number || got[0].Body != code || got[0].User != test.user {
				t.Fatalf("Twilio accepted %+v, want one message by %s", got, test.user)
			}
			// Nothing else is asked for, such as a StatusCallback.
			names := slices.Sorted(maps.Keys(got[0].Form))
			want := slices.Sorted(slices.Values([]string{"Body", "To", test.sender[0]}))
			if !slices.Equal(names, want) || got[0].Form.Get(test.sender[0]) != test.sender[1] {
				t.Errorf("the form is %v, want %v", got[0].Form, want)
			}
		})
	}
}

// The operator's configuration says where messages go, and nothing else does.
func TestTwilioReadsNoEnvironment(t *testing.T) {
	for name, value := range map[string]string{"EDGE": "sydney", "REGION": "au1", "ACCOUNT_SID": "AC1", "AUTH_TOKEN": "2"} {
		t.Setenv("TWILIO_"+name, value)
	}
	server := smstest.NewTwilio(t)
	p := newTwilio(t, server)
	if err := send(t, p, message(t, "one")); err != nil || len(server.Accepted()) != 1 {
		t.Errorf("SendSMS = %v with %d accepted, want 1", err, len(server.Accepted()))
	}
	// net/http asks the environment once a process, and never for loopback, so that
	// no proxy can be seen to be left out.
	if p.transport.Proxy != nil {
		t.Error("a proxy may come from the environment")
	}
}

// What the operator got wrong is told by Twilio, here by the fake, which thereby
// shows that it looks.
func TestTwilioIsToldWrong(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*TwilioOptions)
		code  int
	}{
		{"token", func(o *TwilioOptions) { o.AuthToken = "0" + o.AuthToken[1:] }, 20003},
		{"secret", func(o *TwilioOptions) { o.AuthToken, o.APIKeySID, o.APIKeySecret = "", smstest.APIKeySID, "wrong" }, 20003},
		{"account", func(o *TwilioOptions) {
			o.AccountSID, o.AuthToken = "AC"+strings.Repeat("0", 32), ""
			o.APIKeySID, o.APIKeySecret = smstest.APIKeySID, smstest.APIKeySecret
		}, 20404},
		{"sender", func(o *TwilioOptions) { o.From = "+12015550198" }, 21659},
		{"service", func(o *TwilioOptions) { o.From, o.MessagingServiceSID = "", "MG"+strings.Repeat("0", 32) }, 21705},
		{"path", func(o *TwilioOptions) { o.BaseURL += "/v1" }, 20404},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := smstest.NewTwilio(t)
			err := send(t, newTwilio(t, server, test.spoil), message(t, "one"))
			checkError(t, err, deliver.ErrMisconfigured, false)
			var e *Error
			if !errors.As(err, &e) || e.Code != test.code || len(server.Accepted()) != 0 {
				t.Errorf("SendSMS = %v with %d accepted, want code %d", err, len(server.Accepted()), test.code)
			}
		})
	}
}

func TestTwilioRefuses(t *testing.T) {
	tests := []struct {
		code, status int
		want         error
		destination  bool
	}{
		{21211, 400, deliver.ErrRefused, false},
		{21214, 400, deliver.ErrRefused, false},
		{21217, 400, deliver.ErrRefused, false},
		{21265, 400, deliver.ErrRefused, false},
		{21266, 400, deliver.ErrRefused, false},
		{21268, 400, deliver.ErrRefused, false},
		{21610, 400, deliver.ErrRefused, false},
		{21614, 400, deliver.ErrRefused, false},
		{21635, 400, deliver.ErrRefused, false},
		{30003, 400, deliver.ErrRefused, false},
		{30004, 400, deliver.ErrRefused, false},
		{30005, 400, deliver.ErrRefused, false},
		{30006, 400, deliver.ErrRefused, false},
		{30450, 400, deliver.ErrRefused, true},
		{30453, 400, deliver.ErrRefused, true},
		{60410, 403, deliver.ErrRefused, true},
		{21408, 400, deliver.ErrMisconfigured, true},
		{21612, 400, deliver.ErrMisconfigured, true},
		{20003, 401, deliver.ErrMisconfigured, false},
		{21606, 400, deliver.ErrMisconfigured, false},
		{21608, 400, deliver.ErrMisconfigured, false},
		{21659, 400, deliver.ErrMisconfigured, false},
		{21660, 400, deliver.ErrMisconfigured, false},
		{21705, 400, deliver.ErrMisconfigured, false},
		{30002, 400, deliver.ErrMisconfigured, false},
		{30007, 400, deliver.ErrMisconfigured, false},
		{20429, 429, deliver.ErrNotNow, false},
		{21611, 400, deliver.ErrNotNow, false},
		{30001, 400, deliver.ErrNotNow, false},
		{30008, 400, deliver.ErrUnknownOutcome, false},
		// Beyond the table, the status decides.
		{20404, 404, deliver.ErrMisconfigured, false},
		{21999, 400, deliver.ErrMisconfigured, false},
		{20500, 500, deliver.ErrUnknownOutcome, false},
		{20503, 503, deliver.ErrUnknownOutcome, false},
	}
	tested := map[int]bool{}
	for _, test := range tests {
		tested[test.code] = true
		t.Run(fmt.Sprint(test.code), func(t *testing.T) {
			server := smstest.NewTwilio(t)
			server.Refuse(test.code)
			err := send(t, newTwilio(t, server), message(t, "one"))
			checkError(t, err, test.want, test.destination)
			var e *Error
			if !errors.As(err, &e) || e.Code != test.code || e.Status != test.status || e.Provider != "twilio" {
				t.Errorf("SendSMS = %#v, want code %d and status %d", err, test.code, test.status)
			}
			if server.Asked() != 1 || len(server.Accepted()) != 0 {
				t.Errorf("asked %d times, accepted %d, want 1 and 0", server.Asked(), len(server.Accepted()))
			}
		})
	}
	for code := range twilioKinds {
		if !tested[code] {
			t.Errorf("nothing tests what %d means", code)
		}
	}
}

// A message may come into being as one that has failed.
func TestTwilioGivesUpAtOnce(t *testing.T) {
	tests := []struct {
		code        int
		want        error
		destination bool
	}{
		{30006, deliver.ErrRefused, false},
		{30450, deliver.ErrRefused, true},
		{30007, deliver.ErrMisconfigured, false},
		{30001, deliver.ErrNotNow, false},
		{39999, deliver.ErrUnknownOutcome, false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.code), func(t *testing.T) {
			server := smstest.NewTwilio(t)
			server.FailAtOnce(test.code)
			err := send(t, newTwilio(t, server), message(t, "one"))
			checkError(t, err, test.want, test.destination)
			var e *Error
			if !errors.As(err, &e) || e.Code != test.code {
				t.Errorf("SendSMS = %v, want code %d", err, test.code)
			}
		})
	}
}

func TestTwilioFails(t *testing.T) {
	checkFaults(t, func(t *testing.T) (faulty, Provider) {
		server := smstest.NewTwilio(t)
		return server, newTwilio(t, server)
	})
}

func TestTwilioIsNotReached(t *testing.T) {
	checkUnreached(t, func(t *testing.T, url string, n Network) Provider {
		return newTwilio(t, smstest.NewTwilio(t), func(o *TwilioOptions) { o.BaseURL, o.Network = url, n })
	})
}

// What a server says counts for no more than it can be relied on: it may put the
// receiver where a number is expected, or fail with the code of a refusal.
func TestTwilioSaysStrangeThings(t *testing.T) {
	bad, created := deliver.ErrMisconfigured, deliver.ErrUnknownOutcome
	tests := []struct {
		name, body string
		status     int
		want       error
	}{
		{"receiver as code", `{"code": ` + number + `, "status": 400}`, 400, bad},
		{"receiver as code, text", `{"code": "` + number + `"}`, 400, bad},
		{"half an error", `{"code": ` + number, 400, bad},
		{"negative code", `{"code": -21211}`, 400, bad},
		{"list", `[` + number + `]`, 400, bad},
		{"refusal by a broken server", `{"code": 21211, "status": 400}`, 500, deliver.ErrUnknownOutcome},
		{"refusal in a success", `{"code": 21211, "status": 400}`, 200, deliver.ErrUnknownOutcome},
		{"receiver as code of a message", `{"sid": "SM1", "status": "failed", "error_code": ` + number + `}`, 201, created},
		{"failed for no reason", `{"sid": "SM1", "status": "failed"}`, 201, created},
		{"number as SID", `{"sid": ` + number + `}`, 201, created},
		{"no SID", `{"sid": "", "to": "+` + number + `"}`, 201, created},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			p := newTwilio(t, smstest.NewTwilio(t), func(o *TwilioOptions) { o.BaseURL = server.URL + "/" })
			checkError(t, send(t, p, message(t, "one")), test.want, false)
		})
	}
}

func TestTwilioSendsToPhonesOnly(t *testing.T) {
	server := smstest.NewTwilio(t)
	mail, err := threepid.ParseEmail("alice@hidden.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []threepid.Address{mail, {}} {
		err := send(t, newTwilio(t, server), deliver.SMS{ID: "one", To: to, Text: code})
		checkError(t, err, deliver.ErrRefused, false)
	}
	if server.Asked() != 0 {
		t.Error("Twilio was asked")
	}
}

func TestTwilioOptions(t *testing.T) {
	good := TwilioOptions{AccountSID: smstest.AccountSID, AuthToken: smstest.AuthToken, From: smstest.From}
	tests := []struct {
		name  string
		spoil func(*TwilioOptions)
		want  string // a part of the problem, empty for none
	}{
		{"nothing", func(*TwilioOptions) {}, ""},
		{"region", func(o *TwilioOptions) { o.BaseURL = "https://api.dublin.ie1.twilio.com" }, ""},
		{"short code", func(o *TwilioOptions) { o.From = "12345" }, ""},
		{"name as sender", func(o *TwilioOptions) { o.From = "Signet" }, ""},
		{"loopback", func(o *TwilioOptions) { o.BaseURL = "http://[::1]:8080" }, ""},
		{"name", func(o *TwilioOptions) { o.Name = "Twilio 2" }, "name"},
		{"no account", func(o *TwilioOptions) { o.AccountSID = "" }, "account SID"},
		{"another SID", func(o *TwilioOptions) { o.AccountSID = smstest.APIKeySID }, "account SID"},
		{"path as SID", func(o *TwilioOptions) { o.AccountSID = "AC/../../" }, "account SID"},
		{"no credentials", func(o *TwilioOptions) { o.AuthToken = "" }, "exactly one of auth token and API key"},
		{"two credentials", func(o *TwilioOptions) { o.APIKeySID, o.APIKeySecret = smstest.APIKeySID, "x" }, "exactly one of auth token and API key"},
		{"half a key", func(o *TwilioOptions) { o.AuthToken, o.APIKeySID = "", smstest.APIKeySID }, "secret is missing"},
		{"the other half", func(o *TwilioOptions) { o.AuthToken, o.APIKeySecret = "", "x" }, "the API key's SID"},
		{"no sender", func(o *TwilioOptions) { o.From = "" }, "exactly one of sender"},
		{"two senders", func(o *TwilioOptions) { o.MessagingServiceSID = smstest.MessagingServiceSID }, "exactly one of sender"},
		{"long sender", func(o *TwilioOptions) { o.From = "Signet Identity" }, "the sender must be"},
		{"service", func(o *TwilioOptions) { o.From, o.MessagingServiceSID = "", "MG1" }, "Messaging Service's SID"},
		{"plain text", func(o *TwilioOptions) { o.BaseURL = "http://api.twilio.com" }, "must be an https URL"},
		{"plain text by name", func(o *TwilioOptions) { o.BaseURL = "http://localhost" }, "must be an https URL"},
		{"no URL", func(o *TwilioOptions) { o.BaseURL = "https://%zz" }, "must be an https URL"},
		{"user in URL", func(o *TwilioOptions) { o.BaseURL = "https://" + smstest.AuthToken + "@api.twilio.com" }, "no user"},
		{"query in URL", func(o *TwilioOptions) { o.BaseURL = "https://api.twilio.com?x=" + smstest.AuthToken }, "no query"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := good
			test.spoil(&o)
			p, err := NewTwilio(o)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Fatalf("NewTwilio = %v, want %q", err, test.want)
			}
			if dump := fmt.Sprintf("%v %+v %#v", err, p, p); strings.Contains(dump, smstest.AuthToken) {
				t.Errorf("the token is printed: %s", dump)
			}
		})
	}
	_, err := NewTwilio(TwilioOptions{})
	for _, problem := range []string{"account SID", "auth token", "sender"} {
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("NewTwilio of nothing = %v, want it to tell of the %s too", err, problem)
		}
	}
}
