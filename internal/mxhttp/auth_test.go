package mxhttp_test

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

func TestBearer(t *testing.T) {
	w := newWorld(t, mxhttp.Options{}, get(ping, func(c echo.Context) error {
		token, err := mxhttp.Bearer(c)
		if err != nil {
			return err
		}
		return mxhttp.Reply(c, http.StatusOK, map[string]string{"token": token})
	}))
	for _, tc := range []struct{ target, header, want string }{
		{ping, "Authorization: Bearer abc\r\n", "abc"},
		{ping, "Authorization: bearer abc\r\n", "abc"},
		{ping, "Authorization: BEARER   abc\r\n", "abc"},
		{ping, "authorization: Bearer a.b-c_d~e+f/g=\r\n", "a.b-c_d~e+f/g="},
		{ping + "?access_token=def", "Authorization: Bearer abc\r\n", "abc"},
		{ping, "", ""},
		{ping + "?access_token=abc", "", ""},
		{ping, "Authorization: Bearer\r\n", ""},
		{ping, "Authorization: Bearer  \r\n", ""},
		{ping, "Authorization: abc\r\n", ""},
		{ping, "Authorization: Bearerabc\r\n", ""},
		{ping, "Authorization: Basic YTpi\r\n", ""},
		{ping, "Authorization: Bearer a b\r\n", ""},
		{ping, "Authorization: Bearer a\tb\r\n", ""},
		{ping, "Authorization: Bearer \xc3\xbc\r\n", ""},
		{ping, "Authorization: Bearer abc\r\nAuthorization: Bearer def\r\n", ""},
		{ping, "Authorization: X-Matrix origin=a\r\nAuthorization: Bearer abc\r\n", ""},
	} {
		r := w.raw("GET " + tc.target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + tc.header + "\r\n")
		if tc.want == "" {
			w.want(tc.header, r, 401, "M_MISSING_TOKEN")
		} else if want := `{"token":"` + tc.want + `"}`; r.body != want {
			t.Errorf("Bearer of %q = %s, want %s", tc.header, r.body, want)
		}
	}
}
