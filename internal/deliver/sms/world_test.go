package sms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/deliver/sms/smstest"
	"signet/internal/threepid"
)

const (
	number = "447400123456"
	code   = "Ihr Code: 481516 – \"gültig\" 10 Minuten & länger.\n@id.example #481516"
)

// short is patience with what never comes; long is the end of the test's own.
const (
	short = 50 * time.Millisecond
	long  = 2 * time.Minute
)

func phone(t testing.TB, digits string) threepid.Address {
	t.Helper()
	a, err := threepid.Parse("msisdn", digits)
	if err != nil {
		t.Fatalf("Parse(msisdn, %q): %v", digits, err)
	}
	return a
}

func message(t testing.TB, id string) deliver.SMS {
	return deliver.SMS{ID: id, To: phone(t, number), Text: code}
}

func newTwilio(t testing.TB, f *smstest.Twilio, change ...func(*TwilioOptions)) *Twilio {
	t.Helper()
	o := TwilioOptions{AccountSID: smstest.AccountSID, AuthToken: smstest.AuthToken, From: smstest.From, BaseURL: f.URL}
	for _, c := range change {
		c(&o)
	}
	p, err := NewTwilio(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const gatewaySecret = "s3cret-of-the-gateway"

func gatewayOptions(f *smstest.Gateway) GatewayOptions {
	return GatewayOptions{
		Name: "gateway", URL: f.URL + "/send?key=" + gatewaySecret, ContentType: "application/json",
		Body: `{"to": {{json .To}}, "text": {{json .Text}}, "id": {{json .ID}}, "from": {{json .From}}}`,
		From: "Signet", Bearer: gatewaySecret,
	}
}

func newGateway(t testing.TB, f *smstest.Gateway, change ...func(*GatewayOptions)) *Gateway {
	t.Helper()
	o := gatewayOptions(f)
	for _, c := range change {
		c(&o)
	}
	p, err := NewGateway(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// send sends with as much patience as a test has with a server that answers.
func send(t *testing.T, p Provider, m deliver.SMS) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), long)
	defer cancel()
	return p.SendSMS(ctx, m)
}

var kinds = []error{deliver.ErrRefused, deliver.ErrNotNow, deliver.ErrUnknownOutcome, deliver.ErrMisconfigured}

// checkError wants an error of exactly one kind, a destination's or not, that tells
// no secret.
func checkError(t *testing.T, err, want error, destination bool) {
	t.Helper()
	for _, kind := range kinds {
		if errors.Is(err, kind) != (kind == want) {
			t.Errorf("%v is %v: %v, want %v alone", err, kind, errors.Is(err, kind), want)
		}
	}
	if errors.Is(err, ErrDestination) != destination {
		t.Errorf("%v is %v: %v, want %v", err, ErrDestination, !destination, destination)
	}
	checkSilence(t, err)
}

// checkSilence wants nothing in the text of err that was told to a provider or by it.
func checkSilence(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{number, number[2:], "481516", "gültig", smstest.AccountSID, smstest.AuthToken, smstest.APIKeySID,
		smstest.APIKeySecret, smstest.From, gatewaySecret, "at fault", "hotel", "http://", "Error"} {
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
			t.Errorf("the error %q tells %q", err, secret)
		}
	}
}

// faults is what a provider makes of each fault.
var faults = map[smstest.Fault]error{
	smstest.Hang:       deliver.ErrUnknownOutcome,
	smstest.HangUp:     deliver.ErrUnknownOutcome,
	smstest.Redirect:   deliver.ErrMisconfigured,
	smstest.BadGateway: deliver.ErrUnknownOutcome,
	smstest.Broken:     deliver.ErrUnknownOutcome,
	smstest.Empty:      deliver.ErrUnknownOutcome,
	smstest.Garbage:    deliver.ErrUnknownOutcome,
	smstest.Huge:       deliver.ErrUnknownOutcome,
	smstest.Drip:       deliver.ErrUnknownOutcome,
	smstest.CutShort:   deliver.ErrUnknownOutcome,
}

// a faulty server is a fake of either kind.
type faulty interface {
	Break(smstest.Fault)
	Asked() int
	Strayed() int
	Poured() int
	Stuck() <-chan struct{}
}

// checkFaults breaks a server in every way and wants each message to be asked for
// once, to go nowhere else, and to end in time with the right error.
func checkFaults(t *testing.T, start func(t *testing.T) (faulty, Provider)) {
	for name, fault := range smstest.Faults {
		t.Run(name, func(t *testing.T) {
			server, p := start(t)
			server.Break(fault)
			ctx, cancel := context.WithTimeout(context.Background(), long)
			defer cancel()
			silent := fault == smstest.Hang || fault == smstest.Drip
			if silent {
				go func() { <-server.Stuck(); cancel() }()
			}
			err := p.SendSMS(ctx, message(t, "one"))
			checkError(t, err, faults[fault], false)
			if errors.Is(err, context.Canceled) != silent {
				t.Errorf("SendSMS = %v, as cancelled: %v, want %v", err, !silent, silent)
			}
			if server.Asked() != 1 || server.Strayed() != 0 {
				t.Errorf("asked %d times, %d at the wrong server, want 1 and 0", server.Asked(), server.Strayed())
			}
			if got := server.Poured(); got > 32<<20 {
				t.Errorf("%d octets of a huge answer were read", got)
			}
		})
	}
}

// checkUnreached wants a provider that cannot be reached to be surely not asked.
// connect makes the provider with its server at a URL.
func checkUnreached(t *testing.T, connect func(t *testing.T, url string, n Network) Provider) {
	nowhere := "http://127.0.0.1:" + closedPort(t)
	plain := smstest.NewGateway(t)
	tls := newTLSServer(t)
	hang := Network{Dial: hangingDial}
	tests := []struct {
		name, url string
		network   Network
		want      error
	}{
		{"closed port", nowhere, Network{}, deliver.ErrNotNow},
		{"no TLS there", "https" + strings.TrimPrefix(plain.URL, "http"), Network{}, deliver.ErrMisconfigured},
		{"unknown authority", tls.URL, Network{}, deliver.ErrMisconfigured},
		{"no connection", nowhere, hang, deliver.ErrNotNow},
		{"no such name", "https://sms.invalid", Network{Dial: noSuchName}, deliver.ErrNotNow},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), patienceFor(test.network.Dial != nil))
			defer cancel()
			err := connect(t, test.url, test.network).SendSMS(ctx, message(t, "one"))
			checkError(t, err, test.want, false)
		})
	}
	t.Run("known authority", func(t *testing.T) {
		err := send(t, connect(t, tls.URL, Network{RootCAs: tls.roots}), message(t, "one"))
		var e *Error
		if !errors.As(err, &e) || e.Status != http.StatusTeapot {
			t.Errorf("SendSMS = %v, want an answer over TLS", err)
		}
	})
	t.Run("no patience", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err := connect(t, plain.URL, Network{}).SendSMS(ctx, message(t, "one"))
		checkError(t, err, deliver.ErrNotNow, false)
		if !errors.Is(err, context.Canceled) || plain.Asked() != 0 {
			t.Errorf("SendSMS = %v after %d requests, want %v after none", err, plain.Asked(), context.Canceled)
		}
	})
}

func patienceFor(silent bool) time.Duration {
	if silent {
		return short
	}
	return long
}
