package threepid

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func mustParse(t *testing.T, medium, address string) Address {
	t.Helper()
	a, err := Parse(medium, address)
	if err != nil {
		t.Fatalf("Parse(%q, %q): %v", medium, address, err)
	}
	return a
}

func TestParse(t *testing.T) {
	tests := []struct {
		medium, address, want string
		err                   error
	}{
		{"email", "Alice@Example.org", "alice@example.org", nil},
		{"msisdn", "447400123456", "447400123456", nil},
		{"msisdn", "+447400123456", "", ErrPhone},
		{"msisdn", "44 7400 123456", "", ErrPhone},
		{"msisdn", "4407400123456", "", ErrPhone},
		{"msisdn", "07400123456", "", ErrPhone},
		{"msisdn", "٤٤٧٤٠٠١٢٣٤٥٦", "", ErrPhone},
		{"msisdn", "447400123456;ext=5", "", ErrPhone},
		{"msisdn", "alice@example.org", "", ErrPhone},
		{"msisdn", strings.Repeat("4", 1<<16), "", ErrPhone},
		{"email", "447400123456", "", ErrEmail},
		{"Email", "alice@example.org", "", ErrMedium},
		{"", "alice@example.org", "", ErrMedium},
		{"im.signet.fax", "447400123456", "", ErrMedium},
	}
	for _, test := range tests {
		a, err := Parse(test.medium, test.address)
		if !errors.Is(err, test.err) || a.String() != test.want {
			t.Errorf("Parse(%q, %.40q) = %q, %v, want %q, %v", test.medium, test.address, a.String(), err, test.want, test.err)
		}
	}
}

func TestAddressesAreEqualWhenTheirMailboxIs(t *testing.T) {
	seen := map[Address]bool{}
	for _, spelling := range []string{"a@bücher.example", "A@BÜCHER.EXAMPLE", "a@xn--bcher-kva.example", "a@bu\u0308cher.example"} {
		seen[mustParse(t, "email", spelling)] = true
	}
	if len(seen) != 1 {
		t.Errorf("four spellings of one mailbox are %d addresses, want 1", len(seen))
	}
	if mustParse(t, "email", "a@fass.de") == mustParse(t, "email", "a@xn--fa-hia.de") {
		t.Error("two mailboxes at two domains are one address")
	}
}

func TestNoAddress(t *testing.T) {
	var a Address
	if !a.IsZero() || a.String() != "" || a.Medium() != "" || a.Mailbox() != "" || a.International() != "" || a.Masked() != "" {
		t.Errorf("the zero Address is not empty: %q %q", a.String(), a.Medium())
	}
}

// What was stored is read, whatever numbers are in use today.
func TestRestore(t *testing.T) {
	tests := []struct {
		medium, address string
		err             error
	}{
		{"email", "alice@example.org", nil},
		{"msisdn", "447400123456", nil},
		{"msisdn", "22507123456", nil}, // Côte d'Ivoire, until 2021
		{"msisdn", "999", nil},
		{"msisdn", "", ErrPhone},
		{"msisdn", "+447400123456", ErrPhone},
		{"msisdn", "٤٤٧٤٠٠١٢٣٤٥٦", ErrPhone},
		{"msisdn", "4474001234567890", ErrPhone},
		{"email", "447400123456", ErrEmail},
		{"fax", "447400123456", ErrMedium},
	}
	for _, test := range tests {
		a, err := Restore(test.medium, test.address)
		if !errors.Is(err, test.err) || err == nil && (a.String() != test.address || string(a.Medium()) != test.medium) {
			t.Errorf("Restore(%q, %q) = %q, %v, want it or %v", test.medium, test.address, a.String(), err, test.err)
		}
		if parsed, err := Parse(test.medium, test.address); err == nil && parsed != a {
			t.Errorf("Restore(%q, %q) is another address than Parse", test.medium, test.address)
		}
		_, _, _ = a.Country(), a.International(), a.NumberType() // none of which fails
		if masked := a.Masked(); err == nil && (masked == "" || strings.Contains(masked, test.address)) {
			t.Errorf("%q is masked as %q", test.address, masked)
		}
	}
}

func TestMasked(t *testing.T) {
	tests := []struct{ medium, address, want string }{
		{"email", "alice@example.org", "a…@e….org"},
		{"email", "a@mail.example.co.uk", "a…@m….uk"},
		{"email", "élodie@bücher.example", "é…@b….example"},
		{"email", "dev@localhost", "d…@l…"},
		{"msisdn", "447400123456", "+44 … 456"},
		{"msisdn", "12015550123", "+1 … 123"},
		{"msisdn", "29022158", "+290 … 8"},
	}
	for _, test := range tests {
		if got := mustParse(t, test.medium, test.address).Masked(); got != test.want {
			t.Errorf("Parse(%q, %q).Masked() = %q, want %q", test.medium, test.address, got, test.want)
		}
	}
}

// An address must not reach a log by any of the ways in which values get there.
func TestAddressStaysOutOfLogs(t *testing.T) {
	type open struct{ Address Address }
	type closed struct{ address Address }
	for _, a := range []Address{mustParse(t, "email", "secret@hidden.example"), mustParse(t, "msisdn", "447400123456")} {
		var out bytes.Buffer
		text, structured := slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))
		for _, value := range []any{a, &a, open{a}, closed{a}, &closed{a}, []Address{a}, map[Address]int{a: 1}, fmt.Errorf("sending to %v", a)} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&out, verb+"\n", value)
			}
			text.Info("text", "value", value)
			structured.Info("json", "value", value)
		}
		for _, secret := range []string{"secret", "hidden", "7400", fmt.Sprintf("%x", "secret")} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%q was printed:\n%s", secret, out.String())
			}
		}
		want := "[" + string(a.Medium()) + "]"
		if got := a.LogValue().String(); got != want || !strings.Contains(out.String(), want) {
			t.Errorf("LogValue = %q, want %q, printed as well:\n%s", got, want, out.String())
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("email", "Alice@Example.org")
	f.Add("msisdn", "447400123456")
	f.Add("msisdn", "5491123456789")
	f.Add("fax", "1")
	f.Fuzz(func(t *testing.T, medium, address string) {
		a, err := Parse(medium, address)
		if err != nil {
			return
		}
		if again, err := Parse(string(a.Medium()), a.String()); err != nil || again != a {
			t.Errorf("Parse(%q, %q) = %q, %v, want the same address", a.Medium(), a.String(), again.String(), err)
		}
		if a.Medium() == MSISDN && a.String() != address {
			t.Errorf("Parse(msisdn, %q) = %q, want it unchanged", address, a.String())
		}
		if masked := a.Masked(); masked == "" || strings.Contains(masked, a.String()) {
			t.Errorf("%q is masked as %q", a.String(), masked)
		}
	})
}

func BenchmarkParseEmail(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = ParseEmail("Alice.Smith@Example.org")
	}
}

func BenchmarkParsePhone(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = ParsePhone("07400 123456", "GB")
	}
}
