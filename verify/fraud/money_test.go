package fraud_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"signet/verify/fraud"
)

func TestParseMoney(t *testing.T) {
	tests := []struct {
		text string
		want fraud.Money
		err  error
	}{
		{"0.0475", 47_500, nil},
		{"12", 12_000_000, nil},
		{"12.5", 12_500_000, nil},
		{"0", 0, nil},
		{"007.000001", 7_000_001, nil},
		{"1000000000", 1e15, nil},
		{"1000000000.000001", 0, fraud.ErrMoney},
		{"0.0000001", 0, fraud.ErrMoney}, // it would be rounded, in somebody's favour
		{"99999999999999999999", 0, fraud.ErrMoney},
		{"-1", 0, fraud.ErrMoney},
		{"+1", 0, fraud.ErrMoney},
		{"1.", 0, fraud.ErrMoney},
		{".5", 0, fraud.ErrMoney},
		{"", 0, fraud.ErrMoney},
		{".", 0, fraud.ErrMoney},
		{"1.2.3", 0, fraud.ErrMoney},
		{"1,5", 0, fraud.ErrMoney},
		{"1e3", 0, fraud.ErrMoney},
		{"0x10", 0, fraud.ErrMoney},
		{"1_000", 0, fraud.ErrMoney},
		{" 1", 0, fraud.ErrMoney},
		{"1.-5", 0, fraud.ErrMoney},
		{"١", 0, fraud.ErrMoney},
		{strings.Repeat("0", 1<<16) + "1", 1_000_000, nil},
	}
	for _, test := range tests {
		got, err := fraud.ParseMoney(test.text)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("ParseMoney(%.30q) = %d, %v, want %d, %v", test.text, got, err, test.want, test.err)
		}
	}
}

func TestMoneyIsWritten(t *testing.T) {
	for m, want := range map[fraud.Money]string{
		47_500: "0.0475", 12_000_000: "12", 10_500_000: "10.5", 0: "0", 1: "0.000001", -47_500: "-0.0475",
		math.MaxInt64: "9223372036854.775807", math.MinInt64: "-9223372036854.775808",
	} {
		if got := m.String(); got != want {
			t.Errorf("Money(%d) is written %q, want %q", int64(m), got, want)
		}
	}
}

func FuzzParseMoney(f *testing.F) {
	for _, s := range []string{"0.0475", "12", "1000000000", "-1", "1e3", "0.0000001", "00.10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := fraud.ParseMoney(s)
		if err != nil {
			return
		}
		if m < 0 || m > 1e15 {
			t.Errorf("ParseMoney(%q) = %d, out of bounds", s, int64(m))
		}
		if again, err := fraud.ParseMoney(m.String()); err != nil || again != m {
			t.Errorf("ParseMoney(%q) = %d, %v after ParseMoney(%q) = %d", m.String(), int64(again), err, s, int64(m))
		}
	})
}
