package mxhttp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
)

// bindBody has every shape that a request of ours has.
type bindBody struct {
	SID      string         `json:"sid" required:"true"`
	Secret   string         `json:"client_secret" required:"true"`
	Attempt  int            `json:"send_attempt"`
	Threepid *threepidBody  `json:"threepid"`
	Keys     []keyBody      `json:"keys"`
	Raw      jsontext.Value `json:"raw"`
	Strict   bool           `json:"strict"`
}

type threepidBody struct {
	Medium  string `json:"medium" required:"true"`
	Address string `json:"address" required:"true"`
}

type keyBody struct {
	ID jsontext.Value `json:"id" required:"true"`
}

// decodeInto serves a request that is decoded into v, and returns what it answers.
func decodeInto(t testing.TB, v any, contentType, body string) *httptest.ResponseRecorder {
	t.Helper()
	e, err := mxhttp.New(mxhttp.Options{}, []mxhttp.Route{post("/_matrix/x", func(c echo.Context) error {
		if err := mxhttp.Decode(c, v); err != nil {
			return err
		}
		return pong(c)
	})})
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest("POST", "/_matrix/x", strings.NewReader(body))
	req.Header["Content-Type"] = []string{contentType}
	rec := httptest.NewRecorder()
	e.ServeHTTP(rec, req)
	return rec
}

func TestDecode(t *testing.T) {
	const whole = `"sid":"1","client_secret":"c"`
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, tc := range []struct{ name, body, code, text string }{
		{"whole", `{` + whole + `}`, "", ""},
		{"with blanks around", " \r\n\t{" + whole + "} \n", "", ""},
		{"unknown members", `{` + whole + `,"x":{"y":[null]}}`, "", ""},
		{"empty text is there", `{"sid":"","client_secret":""}`, "", ""},
		{"escaped backslash before u0000", `{` + whole + `,"raw":"\\u0000"}`, "", ""},
		{"brackets in text do not nest", `{` + whole + `,"raw":"\"` + strings.Repeat("[{", 500) + `"}`, "", ""},
		{"as deep as allowed", `{` + whole + `,"raw":` + deep(99) + `}`, "", ""},
		{"wide is not deep", `{` + whole + `,"raw":[` + strings.Repeat("[],", 500) + `[]]}`, "", ""},

		{"nothing", "", "M_NOT_JSON", "empty"},
		{"blanks", " \n", "M_NOT_JSON", "empty"},
		{"cut short", `{"sid":"1"`, "M_NOT_JSON", "not valid JSON"},
		{"trailing garbage", `{` + whole + `}x`, "M_NOT_JSON", "not valid JSON"},
		{"two objects", `{` + whole + `}{}`, "M_NOT_JSON", "not valid JSON"},
		{"wrong type and then garbage", `{"sid":1,"x":nonsense}`, "M_NOT_JSON", "not valid JSON"},
		{"twice and then garbage", `{"sid":"1","sid":"1",`, "M_NOT_JSON", "not valid JSON"},
		{"not UTF-8", "{\"sid\":\"\xff\"}", "M_NOT_JSON", "UTF-8"},
		{"half a surrogate", `{"sid":"\ud800"}`, "M_NOT_JSON", "UTF-8"},
		{"byte order mark", "\ufeff{" + whole + "}", "M_NOT_JSON", "not valid JSON"},
		{"bare NUL", "{\"sid\":\"\x00\"}", "M_NOT_JSON", "not valid JSON"},
		{"comment", `{` + whole + `/**/}`, "M_NOT_JSON", "not valid JSON"},
		{"form that says nothing", `sid=1&client_secret=c`, "M_NOT_JSON", "not valid JSON"},

		{"null", "null", "M_BAD_JSON", "must be a JSON object"},
		{"array", "[]", "M_BAD_JSON", "must be a JSON object"},
		{"text", `"x"`, "M_BAD_JSON", "must be a JSON object"},
		{"number", "7", "M_BAD_JSON", "must be a JSON object"},
		{"number for text", `{"sid":1,"client_secret":"c"}`, "M_BAD_JSON", "the member sid "},
		{"text for a number", `{` + whole + `,"send_attempt":"1"}`, "M_BAD_JSON", "the member send_attempt "},
		{"fraction for a whole number", `{` + whole + `,"send_attempt":1.5}`, "M_BAD_JSON", "the member send_attempt "},
		{"number out of range", `{` + whole + `,"send_attempt":99999999999999999999}`, "M_BAD_JSON", "the member send_attempt "},
		{"text for an object", `{` + whole + `,"threepid":"e"}`, "M_BAD_JSON", "the member threepid "},
		{"number for inner text", `{` + whole + `,"threepid":{"medium":1}}`, "M_BAD_JSON", "the member threepid "},
		{"text for a truth value", `{` + whole + `,"strict":"yes"}`, "M_BAD_JSON", "the member strict "},
		{"member twice", `{` + whole + `,"sid":"2"}`, "M_BAD_JSON", "twice"},
		{"unknown member twice", `{` + whole + `,"x":1,"x":2}`, "M_BAD_JSON", "twice"},
		{"member twice by escape", `{` + whole + `,"\u0073id":"2"}`, "M_BAD_JSON", "twice"},
		{"inner member twice", `{` + whole + `,"x":{"y":1,"y":2}}`, "M_BAD_JSON", "twice"},
		{"too deep", `{` + whole + `,"raw":` + deep(100) + `}`, "M_BAD_JSON", "deeply"},
		{"far too deep", deep(30000), "M_BAD_JSON", "deeply"},

		{"NUL", `{"sid":"a\u0000","client_secret":"c"}`, "M_INVALID_PARAM", "NUL"},
		{"NUL after a backslash", `{"sid":"\\\u0000","client_secret":"c"}`, "M_INVALID_PARAM", "NUL"},
		{"NUL behind what looks like one", `{"sid":"\\u0000\u0000","client_secret":"c"}`, "M_INVALID_PARAM", "NUL"},
		{"NUL in a name", `{` + whole + `,"\u0000":1}`, "M_INVALID_PARAM", "NUL"},

		{"all missing", `{}`, "M_MISSING_PARAMS", "missing parameters: sid, client_secret"},
		{"one missing", `{"client_secret":"c"}`, "M_MISSING_PARAMS", "missing parameters: sid"},
		{"null is missing", `{"sid":null,"client_secret":"c"}`, "M_MISSING_PARAMS", "missing parameters: sid"},
		{"another case is another name", `{"SID":"1","client_secret":"c"}`, "M_MISSING_PARAMS", "missing parameters: sid"},
		{"missing inside", `{"sid":"1","threepid":{"medium":"email"}}`, "M_MISSING_PARAMS", "missing parameters: client_secret, threepid.address"},
		{"missing in a list", `{` + whole + `,"keys":[{"id":1},{"id":null},{}]}`, "M_MISSING_PARAMS", "missing parameters: keys.1.id, keys.2.id"},
	} {
		for _, contentType := range []string{"", "application/json", "text/plain", "application/octet-stream; x"} {
			rec := decodeInto(t, new(bindBody), contentType, tc.body)
			checkRefusal(t, tc.name, rec, tc.code, tc.text)
		}
	}
}

func checkRefusal(t *testing.T, what string, rec *httptest.ResponseRecorder, code, text string) {
	t.Helper()
	var got struct{ Errcode, Error string }
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatalf("%s: answer %s: %v", what, rec.Body, err)
	}
	status := http.StatusBadRequest
	if code == "" {
		status = http.StatusOK
	}
	if rec.Code != status || got.Errcode != code || !strings.Contains(got.Error, text) {
		t.Errorf("%s: Decode = %d %s, want %d %q with %q", what, rec.Code, rec.Body, status, code, text)
	}
	for _, inner := range []string{"mxhttp", "bindBody", "jsontext", "Go ", "int"} {
		if strings.Contains(got.Error, inner) {
			t.Errorf("%s: the client reads %q, which tells of our types", what, got.Error)
		}
	}
}

func TestDecodeRefusesForms(t *testing.T) {
	for _, contentType := range []string{"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8",
		"Application/X-WWW-Form-Urlencoded", " multipart/form-data; boundary=x", "multipart/mixed"} {
		rec := decodeInto(t, new(bindBody), contentType, `sid=1&client_secret=c`)
		checkRefusal(t, contentType, rec, "M_NOT_JSON", "not a form")
		rec = decodeInto(t, new(bindBody), contentType, `{"sid":"1","client_secret":"c"}`)
		if rec.Code != http.StatusOK {
			t.Errorf("JSON that is called %s = %d, want 200", contentType, rec.Code)
		}
	}
}

// What was decoded stays as it was while the server reads the next bodies.
func TestDecodeKeepsNothingOfItsBuffer(t *testing.T) {
	var kept []bindBody
	w := newWorld(t, mxhttp.Options{}, post("/_matrix/x", func(c echo.Context) error {
		var b bindBody
		if err := mxhttp.Decode(c, &b); err != nil {
			return err
		}
		kept = append(kept, b)
		return pong(c)
	}))
	for i := range 20 {
		w.do("POST", "/_matrix/x", fmt.Sprintf(`{"sid":"sid-%02d","client_secret":"c","raw":{"n":%02d}}`, i, 10+i))
	}
	for i, b := range kept {
		if sid, raw := fmt.Sprintf("sid-%02d", i), fmt.Sprintf(`{"n":%02d}`, 10+i); b.SID != sid || string(b.Raw) != raw {
			t.Errorf("request %d was decoded to %q %s, want %q %s", i, b.SID, b.Raw, sid, raw)
		}
	}
}

// Bodies without a struct of ours (an event's content) are held to the same rules.
func TestDecodeIntoRawObjects(t *testing.T) {
	for body, code := range map[string]string{
		`{"msgtype":"m.text"}`: "", `{}`: "", `[]`: "M_BAD_JSON", `null`: "M_BAD_JSON",
		`{"a":1,"a":2}`: "M_BAD_JSON", `{`: "M_NOT_JSON", `{"a":"\u0000"}`: "M_INVALID_PARAM",
	} {
		checkRefusal(t, body, decodeInto(t, new(jsontext.Value), "", body), code, "")
		checkRefusal(t, body, decodeInto(t, new(map[string]any), "", body), code, "")
	}
}

// sharedBody is embedded by the bodies that share it, by its lower-case name too.
type sharedBody struct {
	Nonce string `json:"nonce" required:"true"`
}

// What an embedded struct requires is required, absent or null.
func TestDecodeRequiresWhatIsEmbedded(t *testing.T) {
	for body, want := range map[string]string{
		`{"nonce":"n"}`:  "",
		`{"nonce":null}`: "M_MISSING_PARAMS",
		`{}`:             "M_MISSING_PARAMS",
	} {
		var into struct{ sharedBody }
		if got := decodeInto(t, &into, "application/json", body).Body.String(); !strings.Contains(got, want) || want == "" && strings.Contains(got, "errcode") {
			t.Errorf("%s = %s, want %q", body, got, want)
		}
	}
}
