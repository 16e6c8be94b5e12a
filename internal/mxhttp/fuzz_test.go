package mxhttp_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

// Laws: nothing that a client sends is our fault; what is accepted is an object that
// can be sent again and is accepted again, as the same.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"sid":"1","client_secret":"c"}`, `{"sid":null}`, `{"sid":"\u0000","client_secret":"\\u0000"}`, `[]`, "null", "\xff", "",
		`{"sid":"1","client_secret":"c","threepid":{"medium":"m","address":"a"},"keys":[{"id":1}],"raw":[[]],"send_attempt":-1}`, `{"a":1,"a":2}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var got, again bindBody
		rec := decodeInto(t, &got, "", body)
		if rec.Code != 200 && (rec.Code != 400 || !json.Valid(rec.Body.Bytes())) {
			t.Fatalf("Decode(%q) answers %d %s", body, rec.Code, rec.Body)
		}
		if rec.Code != 200 {
			return
		}
		printed, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("Decode(%q) took what does not encode: %v", body, err)
		}
		if rec := decodeInto(t, &again, "", string(printed)); rec.Code != 200 {
			t.Fatalf("Decode(%q) took it, but not %s: %s", body, printed, rec.Body)
		}
		if twice, _ := json.Marshal(again); !bytes.Equal(printed, twice) {
			t.Fatalf("Decode(%q) = %s, then %s", body, printed, twice)
		}
	})
}

// Law: a segment is what the client escaped, or 404.
func FuzzSegment(f *testing.F) {
	for _, s := range []string{"@u:s", "%40u", "$x%2Fy", "%2541", "%", "%ff", "", "a/b", "..", "%00"} {
		f.Add(s)
	}
	var got []string
	e, err := mxhttp.New(mxhttp.Options{}, []mxhttp.Route{get("/_matrix/:id", func(c echo.Context) error {
		id, err := mxhttp.Segment(c, "id")
		got = append(got, id)
		if err != nil {
			return err
		}
		return pong(c)
	})})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		raw := "GET /_matrix/" + escaped + " HTTP/1.1\r\nHost: h\r\n\r\n"
		req, err := http.ReadRequest(bufioReader(raw))
		if err != nil || req.URL.RawQuery != "" {
			return
		}
		got = nil
		rec := httptest.NewRecorder()
		e.ServeHTTP(rec, req)
		want, ok := strings.CutPrefix(req.URL.Path, "/_matrix/")
		switch {
		case rec.Code == 200 && (!ok || !slices.Equal(got, []string{want})):
			t.Fatalf("Segment of %q = %q, want %q", escaped, got, want)
		case rec.Code != 200 && rec.Code != 404:
			t.Fatalf("Segment of %q answers %d", escaped, rec.Code)
		}
	})
}
