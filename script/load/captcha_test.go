package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
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

// Each challenge's picture is fetched once, and it is answered once, wrongly, by the
// same request.
func TestCaptchas(t *testing.T) {
	var mu sync.Mutex // guards the rest
	requests, answered, fetched := map[string]string{}, map[string]string{}, map[string]bool{}
	addr := played(t, func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodGet {
			fetched[r.URL.Path] = true
			return
		}
		var q struct {
			Email     string
			Challenge struct{ ID, Answer string } `json:"im.signet.challenge"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		id := fmt.Sprintf("challenge%d", len(requests))
		if q.Challenge.ID == "" {
			requests[id] = q.Email
		} else {
			answered[q.Challenge.ID] = q.Email
		}
		rw.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(rw, `{"im.signet.challenge":{"id":%q,"image_url":"https://id.load.example/%s"}}`, id, id)
	})
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{settings: settings{duration: 200 * time.Millisecond}, servers: replicas{{launch: launch{addr: addr}, cmd: &exec.Cmd{Process: self}}}, people: []person{{token: "tok"}}}
	got, err := w.captchas(t.Context())
	if err != nil || len(got) != 3 || got[0].rate == 0 {
		t.Fatalf("captchas = %+v, %v", got, err)
	}
	if len(answered) == 0 || len(fetched) == 0 {
		t.Errorf("%d pictures fetched, %d challenges answered", len(fetched), len(answered))
	}
	for id, email := range answered {
		if requests[id] != email {
			t.Errorf("%s was %s's and is answered by %s", id, requests[id], email)
		}
	}
}
