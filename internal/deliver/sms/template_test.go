package sms

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzed is a request that carries a text in every place there is, as a reader at
// the other end takes it apart again.
func fuzzed(t testing.TB, contentType, body string) request {
	t.Helper()
	r, err := newRequest(GatewayOptions{
		URL: "https://sms.example/{{query .Text}}?a=1&text={{query .Text}}&b={{json .Text | query}}", ContentType: contentType, Body: body,
		Headers: map[string]string{"X-Text": "{{query .Text}}"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The law: whatever the text, what is read at the other end is exactly the text, in
// its place and nothing beside it; a text that is no text is not sent.
func FuzzTemplates(f *testing.F) {
	inJSON := fuzzed(f, "application/json", `{"a": 1, "text": {{json .Text}}, "list": [{{json .Text}}, {{if .Text}}true{{else}}false{{end}}]}`)
	inForm := fuzzed(f, "application/x-www-form-urlencoded", `a=1&text={{query .Text}}&b={{json .Text | query}}`)
	inXML := fuzzed(f, "text/xml", `<sms a="{{xml .Text}}"><text>{{xml .Text}}</text></sms>`)
	for _, s := range samples {
		f.Add(s.Text)
	}
	f.Add(code)
	f.Add(`","text":"`)
	f.Add("%00&text=%26#\r\nX-Evil: y")
	f.Add(`</text><text>]]>&amp;`)
	f.Add("../../\\..%2f")
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range []*request{&inJSON, &inForm, &inXML} {
			req, err := r.build(context.Background(), values{To: "+" + number, ToDigits: number, Text: text})
			if !utf8.ValidString(text) {
				if err == nil {
					t.Fatalf("%q was built", text)
				}
				continue
			}
			if err != nil {
				t.Fatalf("build(%q) = %v", text, err)
			}
			checkURLAndHeader(t, req, text)
			body, _ := io.ReadAll(req.Body)
			switch r {
			case &inJSON:
				checkJSON(t, body, text)
			case &inForm:
				checkForm(t, string(body), text)
			case &inXML:
				checkXML(t, body, text)
			}
		}
	})
}

func checkURLAndHeader(t *testing.T, req *http.Request, text string) {
	t.Helper()
	if req.URL.Host != "sms.example" || req.URL.Path != "/"+text || req.URL.Fragment != "" {
		t.Errorf("the URL for %q is %s", text, req.URL)
	}
	checkForm(t, req.URL.RawQuery, text)
	if got, err := url.QueryUnescape(req.Header.Get("X-Text")); err != nil || got != text || len(req.Header) != 2 {
		t.Errorf("the header for %q is %v", text, req.Header)
	}
}

func checkForm(t *testing.T, form, text string) {
	t.Helper()
	got, err := url.ParseQuery(form)
	var b string
	if err != nil || json.Unmarshal([]byte(got.Get("b")), &b) != nil || b != text ||
		got.Get("text") != text || got.Get("a") != "1" || len(got) != 3 || len(got["text"]) != 1 {
		t.Errorf("the form for %q is %q", text, form)
	}
}

func checkJSON(t *testing.T, body []byte, text string) {
	t.Helper()
	var got struct {
		A    int
		Text string
		List []any
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	err := d.Decode(&got)
	if err != nil || d.More() || got.A != 1 || got.Text != text || len(got.List) != 2 || got.List[0] != text || got.List[1] != (text != "") {
		t.Errorf("the body for %q is %s, %v", text, body, err)
	}
}

// XML has no way to write some characters, which arrive as the replacement
// character; a reader that normalises line ends does so in both.
func checkXML(t *testing.T, body []byte, text string) {
	t.Helper()
	var got struct {
		A    string   `xml:"a,attr"`
		Text []string `xml:"text"`
		Rest string   `xml:",chardata"`
	}
	want := strings.Map(func(r rune) rune {
		if r < ' ' && !strings.ContainsRune("\t\r\n", r) || r == 0xFFFE || r == 0xFFFF {
			return utf8.RuneError
		}
		return r
	}, text)
	err := xml.Unmarshal(body, &got)
	if err != nil || len(got.Text) != 1 || got.Text[0] != want || got.A != want || got.Rest != "" {
		t.Errorf("the body for %q is %s, %v", text, body, err)
	}
}
