package entry_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/keys/entry"
)

func mustLabel(t testing.TB, medium entry.Medium, address string) entry.Label {
	t.Helper()
	l, err := entry.NewLabel(medium, address)
	if err != nil {
		t.Fatalf("NewLabel(%s, %q) = %v", medium, address, err)
	}
	return l
}

func TestNewLabel(t *testing.T) {
	tests := []struct {
		medium        entry.Medium
		address, want string
	}{
		{entry.Email, "Alice@Example.org", "email:alice@example.org"},
		{entry.MSISDN, "447400123456", "msisdn:447400123456"},
		{entry.MXID, "@alice:example.org", "mxid:@alice:example.org"},
		{entry.MXID, "@Old~Alice!:example.org:8448", "mxid:@Old~Alice!:example.org:8448"},
		{entry.MXID, "@alice:[::1]:8448", "mxid:@alice:[::1]:8448"},
		{entry.Binding, "email:Alice@Example.org", "binding:email:alice@example.org"},
		{entry.Binding, "msisdn:447400123456", "binding:msisdn:447400123456"},
	}
	for _, test := range tests {
		l := mustLabel(t, test.medium, test.address)
		if l.String() != test.want || l.Medium() != test.medium || string(l.Medium())+":"+l.Address() != test.want {
			t.Errorf("NewLabel(%s, %q) = %q, medium %q, address %q, want %q",
				test.medium, test.address, l.String(), l.Medium(), l.Address(), test.want)
		}
		checkLabelLaws(t, l)
	}
}

// What people and mail programs take for one address has to be one label, or its owner
// watches one while friends look up the other.
func TestOneAddressIsOneLabel(t *testing.T) {
	tests := []struct{ name, one, other string }{
		{"case", "ALICE@EXAMPLE.COM", "alice@example.com"},
		{"sharp s", "Strauß@Example.com", "strauss@example.com"},
		{"capital sharp s", "STRAUẞ@example.com", "strauss@example.com"},
		{"Kelvin sign", "\u212Aelvin@example.com", "kelvin@example.com"},
		{"long s", "ſara@example.com", "sara@example.com"},
		{"final sigma", "ΟΔΥΣΣΕΥΣ@example.com", "οδυσσευς@example.com"},
		{"ligature", "oﬃce@example.com", "office@example.com"},
		{"ideographic full stop", "a@例え\u3002jp", "a@例え.jp"},
		{"fullwidth domain", "a@ｅｘａｍｐｌｅ.com", "a@example.com"},
		{"domain in ASCII", "a@xn--bcher-kva.example", "a@bücher.example"},
		{"decomposed domain", "a@bu\u0308cher.example", "a@bücher.example"},
		{"Kelvin sign in the domain", "a@\u212A.example", "a@k.example"},
		{"sharp s in the domain", "a@faß.example", "a@fass.example"},
	}
	for _, test := range tests {
		one, other := mustLabel(t, entry.Email, test.one), mustLabel(t, entry.Email, test.other)
		if one != other || !bytes.Equal(one.VRFInput(7), other.VRFInput(7)) {
			t.Errorf("%s: %q and %q are two labels, %q and %q", test.name, test.one, test.other, one.String(), other.String())
		}
		checkLabelLaws(t, one)
	}
}

// What only looks alike is somebody else's, and stays so. Where letters of several
// scripts stand in one word, the label says so.
func TestTwoAddressesAreTwoLabels(t *testing.T) {
	tests := []struct {
		name       string
		one, other string
		mixed      bool // of the second
	}{
		{"Turkish dotless i", "ilker@example.com", "ılker@example.com", false},
		{"Turkish dotted capital I", "istanbul@example.com", "İstanbul@example.com", false},
		{"composed and decomposed local part", "é@example.com", "e\u0301@example.com", false},
		{"dots", "a.b@example.com", "ab@example.com", false},
		{"tag", "alice@example.com", "alice+x@example.com", false},
		{"fullwidth local part", "alice@example.com", "ａlice@example.com", false},
		{"Cyrillic a in a Latin word", "alice@example.com", "аlice@example.com", true},
		{"Cyrillic a in a Latin domain", "a@paypal.com", "a@pаypal.com", true},
		{"Greek omicron in a Latin word", "bob@example.com", "bοb@example.com", true},
		{"all Cyrillic", "cap@example.com", "сар@example.com", false},
		{"domain that folding would change", "a@fass.de", "a@xn--fa-hia.de", false},
		{"domain below", "a@example.com", "a@mail.example.com", false},
	}
	for _, test := range tests {
		one, other := mustLabel(t, entry.Email, test.one), mustLabel(t, entry.Email, test.other)
		if one == other || bytes.Equal(one.VRFInput(0), other.VRFInput(0)) {
			t.Errorf("%s: %q and %q are one label, %q", test.name, test.one, test.other, one.String())
		}
		if one.MixesScripts() || other.MixesScripts() != test.mixed {
			t.Errorf("%s: MixesScripts = %t, %t, want false, %t", test.name, one.MixesScripts(), other.MixesScripts(), test.mixed)
		}
		checkLabelLaws(t, other)
	}
	email, phone := mustLabel(t, entry.MXID, "@1:example.org"), mustLabel(t, entry.Email, "1@example.org")
	if email == phone {
		t.Error("labels of two media are one")
	}
}

func TestScriptsThatAreWrittenTogether(t *testing.T) {
	tests := []struct {
		local string
		mixed bool
	}{
		{"tanaka田中たなかタナカ", false}, {"bopomofoㄅ漢", false}, {"kim김金", false}, {"алиса123", false}, {"alice.алиса", false},
		{"김たなか", true}, {"καλиса", true}, {"alicя", true}, {"田я", true},
	}
	for _, test := range tests {
		if got := mustLabel(t, entry.Email, test.local+"@example.org").MixesScripts(); got != test.mixed {
			t.Errorf("%q: MixesScripts = %t, want %t", test.local, got, test.mixed)
		}
	}
}

func TestNewLabelRefuses(t *testing.T) {
	tests := []struct {
		name    string
		medium  entry.Medium
		address string
	}{
		{"no medium", "", "alice@example.org"},
		{"another medium", "fax", "441234567890"},
		{"medium in capitals", "Email", "alice@example.org"},
		{"medium with a colon", "email:", "alice@example.org"},
		{"empty e-mail", entry.Email, ""},
		{"trailing dot", entry.Email, "alice@example.org."},
		{"quoted local part", entry.Email, `"alice"@example.org`},
		{"quoted at", entry.Email, `"a@b"@example.org`},
		{"zero width joiner", entry.Email, "al\u200dice@example.org"},
		{"zero width space", entry.Email, "al\u200bice@example.org"},
		{"right-to-left override", entry.Email, "al\u202eice@example.org"},
		{"variation selector", entry.Email, "alice\ufe0f@example.org"},
		{"control", entry.Email, "alice\x00@example.org"},
		{"line end", entry.Email, "alice@example.org\n"},
		{"invalid UTF-8", entry.Email, "alic\xe9@example.org"},
		{"IP address", entry.Email, "alice@192.0.2.1"},
		{"256 octets", entry.Email, longEmail(250)},
		{"empty phone", entry.MSISDN, ""},
		{"plus", entry.MSISDN, "+447400123456"},
		{"blank", entry.MSISDN, "44 7400123456"},
		{"national", entry.MSISDN, "07400123456"},
		{"zero of the national form", entry.MSISDN, "4407400123456"},
		{"Arabic digits", entry.MSISDN, "٤٤٧٤٠٠١٢٣٤٥٦"},
		{"fullwidth digits", entry.MSISDN, "４４７４００１２３４５６"},
		{"empty user id", entry.MXID, ""},
		{"user id without sigil", entry.MXID, "alice:example.org"},
		{"user id without localpart", entry.MXID, "@:example.org"},
		{"server in capitals", entry.MXID, "@alice:Example.org"},
		{"room", entry.MXID, "!alice:example.org"},
		{"user id with a blank", entry.MXID, "@al ice:example.org"},
		{"user id of Cyrillic", entry.MXID, "@аlice:example.org"},
		{"user id with a joiner", entry.MXID, "@al\u200dice:example.org"},
		{"user id turned around", entry.MXID, "@\u202ealice:example.org"},
		{"user id with a line end", entry.MXID, "@alice:example.org\n"},
		{"binding of nothing", entry.Binding, ""},
		{"binding of a user", entry.Binding, "mxid:@alice:example.org"},
		{"binding of a binding", entry.Binding, "binding:email:alice@example.org"},
		{"binding of an address without medium", entry.Binding, "alice@example.org"},
		{"user id of 251 octets", entry.MXID, "@" + strings.Repeat("a", 238) + ":example.org"},
	}
	for _, test := range tests {
		l, err := entry.NewLabel(test.medium, test.address)
		if !errors.Is(err, entry.ErrLabel) || !l.IsZero() {
			t.Errorf("%s: NewLabel(%q, %q) = %q, %v, want ErrLabel", test.name, test.medium, test.address, l.String(), err)
		}
		if err != nil && test.address != "" && strings.Contains(err.Error(), test.address) {
			t.Errorf("%s: the error tells the address: %v", test.name, err)
		}
	}
	if _, err := entry.NewLabel(entry.Email, "nobody"); !errors.Is(err, threepid.ErrEmail) {
		t.Errorf("the reason is lost: %v", err)
	}
}

// longEmail is an address of so many octets.
func longEmail(length int) string {
	domain := "@" + strings.Repeat("d", 60) + "." + strings.Repeat("d", 60) + "." + strings.Repeat("d", 60) + ".org"
	return strings.Repeat("a", length-len(domain)) + domain
}

func TestTheLongestLabel(t *testing.T) {
	for _, l := range []entry.Label{
		mustLabel(t, entry.Email, longEmail(entry.MaxLabel-len("email:"))),
		mustLabel(t, entry.MXID, "@"+strings.Repeat("a", 237)+":example.org"),
		mustLabel(t, entry.Binding, "email:"+longEmail(entry.MaxLabel-len("binding:email:"))),
	} {
		if len(l.String()) != entry.MaxLabel || len(l.VRFInput(0)) != 260 || l.VRFInput(0)[0] != 255 {
			t.Errorf("a label of %d octets has a VRF input of %d that begins with %d", len(l.String()), len(l.VRFInput(0)), l.VRFInput(0)[0])
		}
		checkLabelLaws(t, l)
	}
}

func TestLabelsOfTypedAddresses(t *testing.T) {
	a, err := threepid.ParsePhone("07400 123456", "GB")
	if err != nil {
		t.Fatal(err)
	}
	if l, err := entry.AddressLabel(a); err != nil || l != mustLabel(t, entry.MSISDN, "447400123456") {
		t.Errorf("AddressLabel = %q, %v", l.String(), err)
	}
	if l, err := entry.AddressLabel(threepid.Address{}); !errors.Is(err, entry.ErrLabel) || !l.IsZero() {
		t.Errorf("AddressLabel of no address = %q, %v, want ErrLabel", l.String(), err)
	}
	if l, err := entry.BindingLabel(a); err != nil || l.String() != "binding:msisdn:447400123456" {
		t.Errorf("BindingLabel = %q, %v", l.String(), err)
	}
	if l, err := entry.BindingLabel(threepid.Address{}); !errors.Is(err, entry.ErrLabel) || !l.IsZero() {
		t.Errorf("BindingLabel of no address = %q, %v, want ErrLabel", l.String(), err)
	}
	if l, err := entry.UserLabel(matrix.UserID("@alice:example.org")); err != nil || l != mustLabel(t, entry.MXID, "@alice:example.org") {
		t.Errorf("UserLabel = %q, %v", l.String(), err)
	}
}

// ParseLabel reads one text for each label; what people write goes through NewLabel.
func TestParseLabelRefusesOtherForms(t *testing.T) {
	for _, s := range []string{
		"", ":", "email", "email:", "alice@example.org", "Email:alice@example.org", " email:alice@example.org",
		"email:Alice@example.org", "email:alice@Example.org", "email:strauß@example.org", "email:a@xn--bcher-kva.example",
		"email:a@例え\u3002jp", "email: alice@example.org", "email:alice@example.org\n", "email::alice@example.org",
		"msisdn:", "msisdn:+447400123456", "msisdn:0447400123456", "msisdn:44 7400123456", "msisdn:4", "msisdn:1234567890123456",
		"msisdn:٤٤٧٤٠٠١٢٣٤٥٦", "msisdn:447400123456\n", "mxid:", "mxid:alice", "mxid:@alice:Example.org", "mxid:@аlice:example.org",
		"tel:447400123456", "email:" + longEmail(250),
		"binding:", "binding:mxid:@alice:example.org", "binding:binding:email:alice@example.org", "binding:email:Alice@example.org",
		"binding:msisdn:+447400123456", "binding:email:" + longEmail(242),
	} {
		if l, err := entry.ParseLabel(s); !errors.Is(err, entry.ErrLabel) || !l.IsZero() {
			t.Errorf("ParseLabel(%q) = %q, %v, want ErrLabel", s, l.String(), err)
		}
	}
}

// A number may go out of use while it stands in a log.
func TestParseLabelReadsNumbersOutOfUse(t *testing.T) {
	const never = "999000000000000"
	if _, err := entry.NewLabel(entry.MSISDN, never); err == nil {
		t.Fatalf("%s is in use", never)
	}
	l, err := entry.ParseLabel("msisdn:" + never)
	if err != nil || l.String() != "msisdn:"+never || l.Medium() != entry.MSISDN {
		t.Errorf("ParseLabel = %q, %v", l.String(), err)
	}
}

// A label must not reach a log by any of the ways in which values get there.
func TestLabelStaysOutOfLogs(t *testing.T) {
	type open struct{ Label entry.Label }
	type closed struct{ label entry.Label }
	l := mustLabel(t, entry.Email, "secret@hidden.example")
	var out bytes.Buffer
	text, structured := slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))
	for _, value := range []any{l, &l, open{l}, closed{l}, &closed{l}, []entry.Label{l}, map[entry.Label]int{l: 1}, fmt.Errorf("no %v", l)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		text.Info("text", "value", value)
		structured.Info("json", "value", value)
	}
	for _, secret := range []string{"secret", "hidden", fmt.Sprintf("%x", "secret")} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q was printed:\n%s", secret, out.String())
		}
	}
	if !strings.Contains(out.String(), "[email]") || fmt.Sprint(entry.Label{}) != "[no label]" {
		t.Errorf("no placeholder was printed:\n%s", out.String())
	}
}

func TestTheZeroLabel(t *testing.T) {
	var l entry.Label
	if !l.IsZero() || l.String() != "" || l.Medium() != "" || l.Address() != "" || l.MixesScripts() {
		t.Errorf("the zero label is %q", l.String())
	}
}

// checkLabelLaws checks what is true of every label.
func checkLabelLaws(t *testing.T, l entry.Label) {
	t.Helper()
	if again, err := entry.ParseLabel(l.String()); err != nil || again != l {
		t.Errorf("ParseLabel(%q) = %q, %v", l.String(), again.String(), err)
	}
	if again, err := entry.NewLabel(l.Medium(), l.Address()); !strings.Contains(l.String(), "msisdn:") && (err != nil || again != l) {
		t.Errorf("NewLabel(%q, %q) = %q, %v, want the same", l.Medium(), l.Address(), again.String(), err)
	}
	if len(l.String()) > entry.MaxLabel {
		t.Errorf("%q has %d octets", l.String(), len(l.String()))
	}
}

func FuzzNewLabel(f *testing.F) {
	for _, address := range []string{"Strauß@Example.com", "a@xn--fa-hia.de", "\u212A@例え\u3002jp", "ı@x.org", longEmail(249), longEmail(250)} {
		f.Add("email", address)
	}
	f.Add("msisdn", "447400123456")
	f.Add("mxid", "@Alice:example.org")
	f.Add("mxid", "@аlice:example.org")
	f.Fuzz(func(t *testing.T, medium, address string) {
		l, err := entry.NewLabel(entry.Medium(medium), address)
		if err != nil {
			if !errors.Is(err, entry.ErrLabel) || !l.IsZero() {
				t.Fatalf("NewLabel(%q, %q) = %q, %v", medium, address, l.String(), err)
			}
			return
		}
		checkLabelLaws(t, l)
	})
}

func FuzzParseLabel(f *testing.F) {
	for _, s := range []string{"email:alice@example.org", "msisdn:999000000000000", "mxid:@Alice:example.org", "email:Alice@example.org"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := entry.ParseLabel(s)
		if err == nil && l.String() != s {
			t.Fatalf("ParseLabel(%q) = %q", s, l.String())
		}
		if err == nil {
			checkLabelLaws(t, l)
		}
	})
}
