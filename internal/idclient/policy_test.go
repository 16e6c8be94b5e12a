package idclient_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

var signer = matrix.SigningKey{ID: "ed25519:p", Private: ed25519.NewKeyFromSeed([]byte(strings.Repeat("p", 32)))}

func signedPolicy(t *testing.T, server matrix.ServerName, object string) string {
	t.Helper()
	signed, err := signer.Sign(server, []byte(object))
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

func TestPolicy(t *testing.T) {
	key := `200 {"public_key":"` + matrix.EncodeBase64(signer.Public()) + `"}`
	const rules = `{"server_name":"id.test","origin_server_ts":5,"rules":[
		{"entity":"evil.test","recommendation":"m.ban","reason":"spam","created_ts":1,"expires_ts":9,"position":7},
		{"entity":"*.evil.test","recommendation":"m.ban","reason":"spam","created_ts":1},
		{"entity":"dull.test","recommendation":"m.mute"},{"entity":"","recommendation":"m.ban"},{"recommendation":"m.ban"}]}`
	s := &server{answers: []string{"200 " + signedPolicy(t, "id.test", rules), key}}
	p, err := newClient(s).Policy(t.Context(), at(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []idclient.PolicyRule{{Entity: "evil.test", Reason: "spam", Until: time.UnixMilli(9), Position: 7}, {Entity: "*.evil.test", Reason: "spam"}}
	if p.Server != "id.test" || !p.At.Equal(time.UnixMilli(5)) || fmt.Sprint(p.Rules) != fmt.Sprint(want) {
		t.Errorf("%+v", p)
	}
	if asked := strings.Join(s.asked, "\n"); asked != "nobody: GET https://id.test/_signet/v1/policy\nnobody: GET https://id.test/_matrix/identity/v2/pubkey/ed25519:p" {
		t.Errorf("asked %s", asked)
	}

	for name, answers := range map[string][]string{
		"nobody is there":    nil,
		"refused":            {`403 {"errcode":"M_FORBIDDEN"}`},
		"not JSON":           {"200 <html>"},
		"not a policy":       {"200 " + signedPolicy(t, "id.test", `{"server_name":"id.test","origin_server_ts":5}`)},
		"unsigned":           {"200 " + rules},
		"another's":          {"200 " + signedPolicy(t, "other.test", rules), key},
		"changed":            {"200 " + strings.Replace(signedPolicy(t, "id.test", rules), "evil.test", "good.test", 1), key},
		"a key it has not":   {"200 " + signedPolicy(t, "id.test", rules), `404 {"errcode":"M_NOT_FOUND"}`},
		"a key that is none": {"200 " + signedPolicy(t, "id.test", rules), `200 {"public_key":"AAAA"}`},
		"too many rules":     {"200 " + signedPolicy(t, "id.test", `{"server_name":"id.test","origin_server_ts":5,"rules":[`+strings.Repeat(`{},`, 50_000)+`{}]}`), key},
	} {
		if p, err := newClient(&server{answers: answers}).Policy(t.Context(), at(t)); err == nil || len(p.Rules) > 0 {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(`{"server_name":"id.test","origin_server_ts":5,"rules":[{"entity":"*.evil.test","recommendation":"m.ban","expires_ts":9,"position":7}]}`))
	f.Add([]byte(`{"rules":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := idclient.ParsePolicy(b)
		if err != nil && !errors.Is(err, fedclient.ErrBadAnswer) {
			t.Fatal(err)
		}
		for _, r := range p.Rules {
			if r.Entity == "" || r.Position < 0 {
				t.Fatalf("%+v", r)
			}
		}
	})
}
