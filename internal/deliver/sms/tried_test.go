package sms_test

import (
	"slices"
	"testing"

	"signet/internal/deliver/sms"
)

func TestTriesAreWrittenAndRead(t *testing.T) {
	all := []sms.Tried{{Provider: "twilio", Message: "01ABC"}, {Provider: "gateway_2", Message: "01ABC"}, {Provider: "twilio", Message: "01ABD"}}
	for n := range len(all) + 1 {
		text := ""
		for _, one := range all[:n] {
			text += one.Line()
		}
		if got := sms.ParseTried(text); !slices.Equal(got, all[:n]) {
			t.Errorf("ParseTried(%q) = %v, want %v", text, got, all[:n])
		}
	}
}
