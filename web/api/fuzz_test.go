package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"signet/internal/store/storetest"
	"signet/migrations"
	"signet/web/api"
)

// FuzzAPI sends anything to every route, with a token and without: every answer is
// JSON, every refusal has an errcode, and none is a 500.
func FuzzAPI(f *testing.F) {
	w := newWorld(f, storetest.Open(f, storetest.SQLite(f), migrations.IDServer), nil)
	token := w.register("alice")
	routes := (&api.API{}).Routes()
	for i := range routes {
		f.Add(uint8(i), "", `{"sid":"x","client_secret":"s","mxid":"@alice:example.org","threepid":{"medium":"email","address":"a@b.org"}}`, "")
		f.Add(uint8(i), "sid=x&client_secret=s&public_key=AAAA", `{"email":"a@b.org","client_secret":"s","send_attempt":1}`, `X-Matrix origin="example.org",key="ed25519:hs",sig="AAAA"`)
		f.Add(uint8(i), "public_key=AAAA", `{"medium":"email","address":"dora@example.org","room_id":"!tea:example.org","sender":"@alice:example.org","room_name":"\u202eTea","token":"t","private_key":"AAAA","mxid":"@a:b"}`, "")
		f.Add(uint8(i), "", `{"phone_number":"2015550123","country":"US","client_secret":"s","send_attempt":1e3}`, "Bearer x")
	}
	f.Fuzz(func(t *testing.T, route uint8, query, body, authorization string) {
		r := routes[int(route)%len(routes)]
		for _, header := range []string{authorization, "Bearer " + token} {
			if r.Path == v2+"/account/logout" && header != authorization {
				continue // the token is still needed
			}
			check(t, w.server.URL+r.Path+"?"+query, r.Method, body, header)
		}
	})
}

func check(t *testing.T, url, method, body, authorization string) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return // no client can send it
	}
	request.Header.Set("Authorization", authorization)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if response.Header.Get("X-Request-Id") == "" {
		return // no HTTP: the request never reached us
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	isJSON := strings.HasPrefix(response.Header.Get("Content-Type"), "application/json")
	told := response.StatusCode < 400 || strings.Contains(string(answer), `"errcode":"M_`)
	if response.StatusCode == http.StatusInternalServerError || !isJSON || !told {
		t.Errorf("%s %s with %q = %d %s", method, url, body, response.StatusCode, answer)
	}
}
