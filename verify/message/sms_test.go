package message_test

import (
	"strings"
	"testing"

	"signet/internal/locale"
	"signet/internal/wording"
)

// unicodeOnly are the languages whose letters are not in the GSM 7-bit alphabet.
var unicodeOnly = map[locale.Language]bool{locale.Russian: true, locale.Arabic: true, locale.Chinese: true, locale.Japanese: true}

// A text message is paid for once where the language allows it, and twice where it
// does not, whatever the purpose and however long the host's name. Its last line is
// for the phone.
func TestSMS(t *testing.T) {
	for length := 10; length <= 40; length++ {
		host := strings.Repeat("h", length-4) + ".org"
		w := newWordsFor(t, "", host)
		everything(func(l locale.Language, purpose string) {
			for _, trusted := range []bool{true, false} {
				v := texted(l, purpose)
				v.AskerTrusted, v.StopLink = trusted, "https://"+host+"/n/ABCDEFGHJKLM"
				text := writeSMS(t, w, v)
				most := 1
				if unicodeOnly[l] {
					most = 2
					if length > 30 {
						most = 3
					}
				}
				if purpose == "register_bind" {
					most++ // what is consented to is said, whatever it costs
				}
				if n := wording.Segments(text); n > most || wording.GSM7(text) == unicodeOnly[l] {
					t.Errorf("%v, %s, a host of %d: %d segments, GSM 7-bit %v:\n%s", l, purpose, length, n, wording.GSM7(text), text)
				}
				if !strings.HasSuffix(text, "\n@"+host+" #123456") || strings.Count(text, v.StopLink) != 1 || !strings.Contains(text, "15") {
					t.Errorf("%v, %s: its lines are not as they must be:\n%s", l, purpose, text)
				}
			}
		})
	}
}

// A longer host takes the place of words, the most needless first.
func TestSMSLeavesOutWhatHasNoPlace(t *testing.T) {
	v := texted(locale.English, "reset")
	v.AskerTrusted = true
	for length, want := range map[int]string{
		8:  "matrix.example.org: 123456 is your code to reset your password.\nValid 15 minutes.\nKeep it secret.\nNot you? ",
		16: "matrix.example.org: 123456 is your code to reset your password.\nValid 15 minutes.\nNot you? ",
		26: "123456 is your code to reset your password.\nValid 15 minutes.\nNot you? ",
		40: "Code 123456, valid 15 min.\nNot you? ",
	} {
		host := strings.Repeat("h", length-4) + ".org"
		v.StopLink = "https://" + host + "/n/ABCDEFGHJKLM"
		if got := writeSMS(t, newWordsFor(t, "", host), v); !strings.HasPrefix(got, want) {
			t.Errorf("with a host of %d it is\n%s\nwant\n%s", length, got, want)
		}
	}
}

// Nobody agrees to be found by a text message that does not say so: its words stay, however long
// the host's name is.
func TestAnSMSSaysWhatIsConsentedTo(t *testing.T) {
	for l, want := range map[locale.Language]string{locale.English: "that others can find by this number", locale.German: "das andere über diese Nummer finden", locale.Chinese: "他人可通过此手机号找到您"} {
		for length := 10; length <= 60; length += 10 {
			host := strings.Repeat("h", length-4) + ".org"
			v := texted(l, "register_bind")
			v.StopLink = "https://" + host + "/n/ABCDEFGHJKLM"
			if text := writeSMS(t, newWordsFor(t, "", host), v); !strings.Contains(text, want) {
				t.Errorf("with a host of %d it is\n%s", length, text)
			}
		}
	}
}

// The operator's own homeserver is named; of its user, the server alone.
func TestWhoSpeaksInASMS(t *testing.T) {
	w := newWordsFor(t, "", "x.org")
	for _, c := range []struct {
		asker   string
		trusted bool
		want    string
	}{
		{"matrix.example.org", true, "matrix.example.org: "},
		{"@mallory:matrix.example.org", true, "matrix.example.org: "},
		{"matrix.example.org", false, server + ": "},
		{"", true, server + ": "},
		{"@nobody", true, server + ": "},
		{"bücher.example", true, server + ": "},
		{"a b\nc", true, server + ": "},
	} {
		v := texted(locale.English, "login")
		v.Asker, v.AskerTrusted, v.StopLink = c.asker, c.trusted, ""
		if got := writeSMS(t, w, v); !strings.HasPrefix(got, c.want) {
			t.Errorf("asked by %q, trusted %v: %q", c.asker, c.trusted, got)
		}
	}
}
