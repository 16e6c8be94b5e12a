package main

import (
	"errors"
	"net/http"
	"testing"
)

const refusal = `{"errcode":"M_CAPTCHA_NEEDED","error":"a CAPTCHA must be solved first","im.signet.challenge":
	{"id":"abc","url":"https://id.load.example/_signet/captcha/abc","image_url":"https://id.load.example/_signet/captcha/abc.png?n=1"}}`

func TestReadChallenge(t *testing.T) {
	id, picture, err := readChallenge([]byte(refusal))
	if err != nil || id != "abc" || picture != "/_signet/captcha/abc.png?n=1" {
		t.Errorf("readChallenge = %q, %q, %v", id, picture, err)
	}
	for _, bad := range []string{``, `{}`, `{"im.signet.challenge":{"id":"abc"}}`, `{"im.signet.challenge":{"image_url":"/x"}}`, `{"im.signet.challenge":{"id":"a","image_url":":"}}`} {
		if _, _, err := readChallenge([]byte(bad)); err == nil {
			t.Errorf("readChallenge(%q) finds a challenge", bad)
		}
	}
}

// A request that is let through, or refused for another reason, met no CAPTCHA.
func TestMeetings(t *testing.T) {
	var m meetings
	if err := m.add("a@b.example", "s", caller{}, answer{status: http.StatusOK, body: []byte(`{"sid":"x"}`)}); !errors.Is(err, errRefused) {
		t.Errorf("a request that was let through: %v", err)
	}
	if err := m.add("a@b.example", "s", caller{}, answer{status: http.StatusForbidden, body: []byte(`{"errcode":"M_FORBIDDEN"}`)}); !errors.Is(err, errNoChallenge) {
		t.Errorf("a request that was refused: %v", err)
	}
	if err := m.add("a@b.example", "s", caller{token: "tok"}, answer{status: http.StatusForbidden, body: []byte(refusal)}); err != nil || len(m.all) != 1 {
		t.Errorf("a request that met a CAPTCHA: %v, %+v", err, m.all)
	}
}
