package endtoend

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"signet/internal/deliver/sms/smstest"
)

// texts is what a script has of providers of text messages.
type texts struct {
	twilio  *smstest.Twilio
	gateway *smstest.Gateway
}

type textsKey struct{}

// twilio NAME FAULT: sets the name to the address of a fake Twilio that fails so.
func startTwilio(ts *testscript.TestScript, _ bool, args []string) {
	t := ts.Value(textsKey{}).(*texts)
	fault, known := smstest.Faults[strings.Join(args[1:], " ")]
	if !known {
		ts.Fatalf("there is no fault %q", args[1:])
	}
	t.twilio.Break(fault)
	ts.Setenv(args[0], t.twilio.URL)
}

// gateway NAME: sets the name to the address of a fake gateway.
func startGateway(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], ts.Value(textsKey{}).(*texts).gateway.URL)
}

// asked TWILIO N: it was asked so many times.
func asked(ts *testscript.TestScript, _ bool, args []string) {
	want := map[string]int{"0": 0, "1": 1, "2": 2}[args[1]]
	if got := ts.Value(textsKey{}).(*texts).twilio.Asked(); got != want {
		ts.Fatalf("Twilio was asked %d times, want %d", got, want)
	}
}

var textedCode = regexp.MustCompile(`\b\d{6}\b`)

// texted NAME NUMBER WORDS: the newest message that has come or comes to the gateway is to that
// number and has those words; the name is set to its code.
func texted(ts *testscript.TestScript, _ bool, args []string) {
	gateway := ts.Value(textsKey{}).(*texts).gateway
	if !comes(func() bool { return len(gateway.Received()) > 0 }) {
		ts.Fatalf("no text message has arrived")
	}
	received := gateway.Received()
	var m struct{ To, Text string }
	ts.Check(json.Unmarshal(received[len(received)-1].Body, &m))
	if m.To != args[1] || !strings.Contains(m.Text, args[2]) {
		ts.Fatalf("the message to %s is %q", m.To, m.Text)
	}
	ts.Setenv(args[0], textedCode.FindString(m.Text))
}
