package sms

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"signet/internal/deliver"
	"signet/internal/deliver/sms/smstest"
	"signet/internal/threepid"
)

func jsonText(t *testing.T, r smstest.Request) string {
	var body struct{ To, Text, ID, From string }
	if err := json.Unmarshal(r.Body, &body); err != nil || body.To != "+"+number || body.ID != "one" || body.From != "Signet" {
		t.Errorf("the body is %s, %v", r.Body, err)
	}
	return body.Text
}

func xmlText(t *testing.T, r smstest.Request) string {
	var body struct {
		To   string `xml:"to,attr"`
		Text string `xml:"text"`
	}
	if err := xml.Unmarshal(r.Body, &body); err != nil || body.To != "+"+number {
		t.Errorf("the body is %s, %v", r.Body, err)
	}
	return body.Text
}

func TestGatewayTakesAMessage(t *testing.T) {
	tests := []struct {
		name   string
		change func(*GatewayOptions)
		method string
		text   func(*testing.T, smstest.Request) string
	}{
		{"JSON", func(*GatewayOptions) {}, "POST", jsonText},
		{"form", func(o *GatewayOptions) {
			o.ContentType, o.Body = "application/x-www-form-urlencoded", "to={{query .ToDigits}}&text={{.Text | urlquery}}"
		}, "POST", func(t *testing.T, r smstest.Request) string {
			form, err := url.ParseQuery(string(r.Body))
			if err != nil || form.Get("to") != number {
				t.Errorf("the form is %s, %v", r.Body, err)
			}
			return form.Get("text")
		}},
		{"query", func(o *GatewayOptions) {
			o.Method, o.ContentType, o.Body = "GET", "", ""
			o.URL += "&to={{query .To}}&text={{query .Text}}"
		}, "GET", func(t *testing.T, r smstest.Request) string {
			if got := r.URL.Query().Get("to"); got != "+"+number || len(r.Body) != 0 {
				t.Errorf("to is %q, the body %q", got, r.Body)
			}
			return r.URL.Query().Get("text")
		}},
		{"path", func(o *GatewayOptions) {
			o.Method, o.URL, o.Body, o.ContentType = "PUT", strings.Split(o.URL, "?")[0]+"/{{query .ToDigits}}/{{query .Text}}", "", ""
		}, "PUT", func(_ *testing.T, r smstest.Request) string {
			return strings.TrimPrefix(r.URL.Path, "/send/"+number+"/")
		}},
		{"XML", func(o *GatewayOptions) {
			o.ContentType, o.Body = "text/xml; charset=utf-8", `<sms to="{{xml .To}}">{{if .From}}<text>{{xml .Text}}</text>{{end}}</sms>`
		}, "POST", xmlText},
		{"plain text", func(o *GatewayOptions) { o.ContentType, o.Body = "text/plain; charset=utf-8", "{{.Text}}" }, "POST",
			func(_ *testing.T, r smstest.Request) string { return string(r.Body) }},
		{"JSON in a form", func(o *GatewayOptions) {
			o.ContentType, o.Body = "application/x-www-form-urlencoded", `payload={{json .Text | query}}`
		}, "POST", func(t *testing.T, r smstest.Request) string {
			form, _ := url.ParseQuery(string(r.Body))
			var text string
			if err := json.Unmarshal([]byte(form.Get("payload")), &text); err != nil {
				t.Error(err)
			}
			return text
		}},
		{"header", func(o *GatewayOptions) { o.Headers = map[string]string{"X-Text": "{{query .Text}}"} }, "POST",
			func(t *testing.T, r smstest.Request) string {
				text, err := url.QueryUnescape(r.Header.Get("X-Text"))
				if err != nil {
					t.Error(err)
				}
				return text
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := smstest.NewGateway(t)
			p := newGateway(t, server, test.change)
			if err := send(t, p, message(t, "one")); err != nil {
				t.Fatalf("SendSMS = %v, want it sent", err)
			}
			got := server.Received()
			if len(got) != 1 || got[0].Method != test.method {
				t.Fatalf("the gateway got %d requests, first %s, want one %s", len(got), got[0].Method, test.method)
			}
			if text := test.text(t, got[0]); text != code {
				t.Errorf("the text arrived as %q, want %q", text, code)
			}
			if auth := got[0].Header.Get("Authorization"); auth != "Bearer "+gatewaySecret {
				t.Errorf("Authorization is %q", auth)
			}
			if dump := fmt.Sprintf("%+v %#v", p, p); strings.Contains(dump, gatewaySecret) {
				t.Errorf("a secret is printed: %s", dump)
			}
		})
	}
}

func TestGatewayWithBasicAuthentication(t *testing.T) {
	server := smstest.NewGateway(t)
	p := newGateway(t, server, func(o *GatewayOptions) { o.Bearer, o.Username, o.Password = "", "signet", gatewaySecret })
	if err := send(t, p, message(t, "one")); err != nil {
		t.Fatalf("SendSMS = %v, want it sent", err)
	}
	request := http.Request{Header: server.Received()[0].Header}
	if user, password, _ := request.BasicAuth(); user != "signet" || password != gatewaySecret {
		t.Errorf("signed in as %s with %s", user, password)
	}
}

func TestGatewayAnswers(t *testing.T) {
	pointer := Success{Pointer: "/messages/0/a~1b~0", Match: "^(0|true)$"}
	pattern := Success{Match: "^OK [0-9]+"}
	there := Success{Pointer: "/id"}
	bad := []int{400, 404}
	tests := []struct {
		status  int
		body    string
		success Success
		refused []int
		want    error
	}{
		{200, "", Success{}, nil, nil},
		{202, "queued", Success{}, nil, nil},
		{301, "", Success{}, nil, deliver.ErrMisconfigured},
		{400, "", Success{}, nil, deliver.ErrMisconfigured},
		{401, "", Success{}, nil, deliver.ErrMisconfigured},
		{403, "", Success{}, nil, deliver.ErrMisconfigured},
		{404, "", Success{}, nil, deliver.ErrMisconfigured},
		{422, "", Success{}, nil, deliver.ErrMisconfigured},
		{429, "", Success{}, nil, deliver.ErrNotNow},
		{500, "", Success{}, nil, deliver.ErrUnknownOutcome},
		{503, "", Success{}, nil, deliver.ErrUnknownOutcome},
		{999, "", Success{}, nil, deliver.ErrUnknownOutcome},
		{400, "", Success{}, bad, deliver.ErrRefused},
		{404, "", Success{}, bad, deliver.ErrRefused},
		{422, "", Success{}, bad, deliver.ErrMisconfigured},
		{200, `{"messages": [{"a/b~": "0"}]}`, pointer, nil, nil},
		{200, `{"messages": [{"a/b~": 0}]}`, pointer, nil, nil},
		{200, `{"messages": [{"a/b~": true}]}`, pointer, nil, nil},
		{200, `{"messages": [{"a/b~": 0.0}]}`, pointer, nil, deliver.ErrMisconfigured},
		{200, `{"messages": [{"a/b~": "1"}, {"a/b~": "0"}]}`, pointer, nil, deliver.ErrMisconfigured},
		{200, `{"messages": [{"a/b~": null}]}`, pointer, nil, deliver.ErrUnknownOutcome},
		{200, `{"messages": [{"a/b~": ["0"]}]}`, pointer, nil, deliver.ErrUnknownOutcome},
		{200, `{"messages": []}`, pointer, nil, deliver.ErrUnknownOutcome},
		{200, `{"messages": "0"}`, pointer, nil, deliver.ErrUnknownOutcome},
		{200, `{"messages": {"0": {"a/b~": 0}}}`, pointer, nil, nil},
		{200, `[]`, pointer, nil, deliver.ErrUnknownOutcome},
		{200, `{"messages": [{"a/b~": "0"`, pointer, nil, deliver.ErrUnknownOutcome},
		{200, strings.Repeat("[", 60_000), pointer, nil, deliver.ErrUnknownOutcome},
		{200, "", pointer, nil, deliver.ErrUnknownOutcome},
		{500, `{"messages": [{"a/b~": "0"}]}`, pointer, nil, deliver.ErrUnknownOutcome},
		{200, "OK 123", pattern, nil, nil},
		{200, "ERROR 123", pattern, nil, deliver.ErrMisconfigured},
		{200, "", pattern, nil, deliver.ErrUnknownOutcome},
		{200, `{"id": "x"}`, there, nil, nil},
		{200, `{"error": "x"}`, there, nil, deliver.ErrUnknownOutcome},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d %.30s", test.status, test.body), func(t *testing.T) {
			server := smstest.NewGateway(t)
			server.Answer(test.status, test.body)
			p := newGateway(t, server, func(o *GatewayOptions) { o.Success, o.RefusedStatus = test.success, test.refused })
			err := send(t, p, message(t, "one"))
			var e *Error
			if test.want == nil && err != nil {
				t.Errorf("SendSMS = %v, want it sent", err)
			} else if test.want != nil {
				checkError(t, err, test.want, false)
				if !errors.As(err, &e) || e.Status != test.status {
					t.Errorf("SendSMS = %v, want status %d", err, test.status)
				}
			}
			if server.Asked() != 1 {
				t.Errorf("the gateway was asked %d times, want 1", server.Asked())
			}
		})
	}
}

func TestGatewayFails(t *testing.T) {
	checkFaults(t, func(t *testing.T) (faulty, Provider) {
		server := smstest.NewGateway(t)
		return server, newGateway(t, server, func(o *GatewayOptions) { o.Success.Pointer = "/sid" })
	})
}

func TestGatewayIsNotReached(t *testing.T) {
	checkUnreached(t, func(t *testing.T, url string, n Network) Provider {
		return newGateway(t, smstest.NewGateway(t), func(o *GatewayOptions) { o.URL, o.Network = url, n })
	})
}

// net/http repeats by itself what it takes for safe to repeat, on a connection that
// it has used before. Ours has not been used.
func TestGatewayIsAskedOnceHoweverItLooks(t *testing.T) {
	server := smstest.NewGateway(t)
	p := newGateway(t, server, func(o *GatewayOptions) {
		o.Method, o.Body, o.ContentType = "GET", "", ""
		o.Headers = map[string]string{"Idempotency-Key": "{{.ID}}"}
	})
	if err := send(t, p, message(t, "one")); err != nil {
		t.Fatalf("SendSMS = %v, want it sent", err)
	}
	server.Break(smstest.HangUp)
	checkError(t, send(t, p, message(t, "two")), deliver.ErrUnknownOutcome, false)
	if server.Asked() != 2 {
		t.Errorf("two messages were asked for %d times", server.Asked())
	}
}

func TestGatewayOptions(t *testing.T) {
	server := smstest.NewGateway(t)
	tests := []struct {
		name  string
		spoil func(*GatewayOptions)
		want  string // a part of the problem, empty for none
	}{
		{"nothing", func(*GatewayOptions) {}, ""},
		{"template comment", func(o *GatewayOptions) { o.Body = `{{/* why */}}` + o.Body }, ""},
		{"else", func(o *GatewayOptions) {
			o.Body = `{{if eq .From ""}}null{{else if .ID}}{{json .Text}}{{else}}0{{end}}`
		}, ""},
		{"name", func(o *GatewayOptions) { o.Name = "" }, "name"},
		{"no URL", func(o *GatewayOptions) { o.URL = "" }, "URL: must be an https URL"},
		{"plain text", func(o *GatewayOptions) { o.URL = "http://sms.example/send?key=" + gatewaySecret }, "URL: must be an https URL"},
		{"plain text by name", func(o *GatewayOptions) { o.URL = "http://localhost/" }, "URL: must be an https URL"},
		{"another scheme", func(o *GatewayOptions) { o.URL = "ftp://127.0.0.1/" }, "URL: must be an https URL"},
		{"user in URL", func(o *GatewayOptions) { o.URL = "https://me:" + gatewaySecret + "@sms.example/" }, "URL: must have no user"},
		{"broken URL", func(o *GatewayOptions) { o.URL = "https://sms.example/%zz" + gatewaySecret }, "URL: is none"},
		{"line in URL", func(o *GatewayOptions) { o.URL = "https://sms.example/\r\nX: y" + gatewaySecret }, "URL: is none"},
		{"host from message", func(o *GatewayOptions) { o.URL = "https://h{{query .ToDigits}}.example/" }, "host must not depend"},
		{"port from message", func(o *GatewayOptions) { o.URL = "https://sms.example:{{if .Text}}443{{else}}444{{end}}/" }, "host must not depend"},
		{"scheme from message", func(o *GatewayOptions) { o.URL = "{{query .ToDigits}}://sms.example/" }, "URL: "},
		{"bare value in URL", func(o *GatewayOptions) { o.URL += "{{.ToDigits}}" }, "{{query .Text}}"},
		{"JSON in URL", func(o *GatewayOptions) { o.URL += "{{json .To}}" }, "{{query .Text}}"},
		{"bare value in JSON", func(o *GatewayOptions) { o.Body = `{"text": "{{.Text}}"}` }, "{{json .Text}}"},
		{"printed value in JSON", func(o *GatewayOptions) { o.Body = `{"text": {{printf "%q" .Text}}}` }, "{{json .Text}}"},
		{"tampered value in JSON", func(o *GatewayOptions) { o.Body = `{"text": {{json .Text | print}}}` }, "{{json .Text}}"},
		{"guard by hand", func(o *GatewayOptions) { o.Body = `{"text": {{json .Text | guard}}}` }, "{{json .Text}}"},
		{"cut value in JSON", func(o *GatewayOptions) { o.Body = `{"text": {{slice (json .Text) 1}}}` }, "body: "},
		{"query in JSON", func(o *GatewayOptions) { o.Body = `{"text": "{{query .Text}}"}` }, "{{json .Text}}"},
		{"twice quoted", func(o *GatewayOptions) { o.Body = `{"text": "{{json .Text}}"}` }, "is not JSON"},
		{"no JSON", func(o *GatewayOptions) { o.Body = `{"text": {{json .Text}}` }, "is not JSON"},
		{"two JSON texts", func(o *GatewayOptions) { o.Body = `{{json .Text}}{{json .To}}` }, "is not JSON"},
		{"JSON by suffix", func(o *GatewayOptions) { o.ContentType, o.Body = "application/vnd.sms+json", `{{.Text}}` }, "{{json .Text}}"},
		{"bare value in form", func(o *GatewayOptions) { o.ContentType, o.Body = "application/x-www-form-urlencoded", "a={{.Text}}" }, "{{query .Text}}"},
		{"form with parameter", func(o *GatewayOptions) {
			o.ContentType, o.Body = "application/x-www-form-urlencoded; charset=utf-8", "a={{.Text}}"
		}, "{{query .Text}}"},
		{"no form", func(o *GatewayOptions) { o.ContentType, o.Body = "application/x-www-form-urlencoded", "a=%zz" }, "is not a form"},
		{"bare value in XML", func(o *GatewayOptions) { o.ContentType, o.Body = "application/soap+xml", "<a>{{.Text}}</a>" }, "{{xml .Text}}"},
		{"no field", func(o *GatewayOptions) { o.Body = `{{json .Number}}` }, "there is no .Number"},
		{"no field, unreached", func(o *GatewayOptions) { o.Body = `{{if eq .From "x"}}{{json .Number}}{{end}}0` }, "there is no .Number"},
		{"no field, condition", func(o *GatewayOptions) { o.Body = `{{if (eq .Number "x")}}0{{end}}0` }, "there is no .Number"},
		{"field of a field", func(o *GatewayOptions) { o.Body = `{{json .Text.Length}}` }, "there is no .Text.Length"},
		{"no function", func(o *GatewayOptions) { o.Body = `{{sql .Text}}` }, `"sql" not defined`},
		{"no template", func(o *GatewayOptions) { o.Body = `{{json .Text` }, "body"},
		{"variable", func(o *GatewayOptions) { o.Body = `{{$x := json .Text}}{{$x}}` }, "variables"},
		{"root variable", func(o *GatewayOptions) { o.Body = `{{json $.Text}}` }, "$.Text is not supported"},
		{"range", func(o *GatewayOptions) { o.Body = `{{range 3}}{{json .}}{{end}}` }, "only values and {{if}}"},
		{"with", func(o *GatewayOptions) { o.Body = `{{with .Text}}{{json .}}{{end}}` }, "only values and {{if}}"},
		{"another template", func(o *GatewayOptions) { o.Body = `{{define "x"}}{{.Text}}{{end}}{{template "x" .}}` }, "define no other"},
		{"method", func(o *GatewayOptions) { o.Method = "DELETE" }, "method"},
		{"body of a GET", func(o *GatewayOptions) { o.Method = "GET" }, "GET has no body"},
		{"no content type", func(o *GatewayOptions) { o.ContentType = "" }, "content type is not one"},
		{"unknown content type", func(o *GatewayOptions) { o.ContentType = "application/octet-stream" }, "content type must be"},
		{"line in content type", func(o *GatewayOptions) { o.ContentType = "text/plain; a=\"\r\nX: y\"" }, "content type is not one"},
		{"header name", func(o *GatewayOptions) { o.Headers = map[string]string{"X:\r\nY": "z"} }, "header's name is not valid"},
		{"line in header", func(o *GatewayOptions) { o.Headers = map[string]string{"X": "a\r\nY: z"} }, "must be one line"},
		{"text in header", func(o *GatewayOptions) { o.Headers = map[string]string{"X": "{{.Text}}"} }, "must be one line"},
		{"host header", func(o *GatewayOptions) { o.Headers = map[string]string{"host": "x"} }, "Host"},
		{"length header", func(o *GatewayOptions) { o.Headers = map[string]string{"content-length": "1"} }, "Content-Length"},
		{"content type header", func(o *GatewayOptions) { o.Headers = map[string]string{"content-type": "x"} }, "an option of its own"},
		{"two authorizations", func(o *GatewayOptions) { o.Headers = map[string]string{"authorization": "x"} }, "two kinds"},
		{"two credentials", func(o *GatewayOptions) { o.Username = "me" }, "exclude each other"},
		{"colon in user", func(o *GatewayOptions) { o.Bearer, o.Username = "", "a:b" }, "no colon"},
		{"line in token", func(o *GatewayOptions) { o.Bearer += "\r\nX: y" }, "bearer token must be one line"},
		{"refused status", func(o *GatewayOptions) { o.RefusedStatus = []int{200} }, "4xx"},
		{"refused for now", func(o *GatewayOptions) { o.RefusedStatus = []int{429} }, "4xx"},
		{"pointer", func(o *GatewayOptions) { o.Success.Pointer = "id" }, "begins with a slash"},
		{"pointer escape", func(o *GatewayOptions) { o.Success.Pointer = "/a~2" }, "~ is written ~0"},
		{"pattern", func(o *GatewayOptions) { o.Success.Match = "(" }, "pattern of success"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := gatewayOptions(server)
			test.spoil(&o)
			_, err := NewGateway(o)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("NewGateway = %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), gatewaySecret) {
				t.Errorf("%v tells a secret", err)
			}
		})
	}
	if server.Asked() != 0 {
		t.Error("the gateway was asked by a constructor")
	}
}

// What no sample showed is found out before anything is sent.
func TestGatewayRefusesToSendWhatDoesNotFit(t *testing.T) {
	server := smstest.NewGateway(t)
	p := newGateway(t, server, func(o *GatewayOptions) { o.Headers = map[string]string{"X-Id": "{{.ID}}"} })
	broken := message(t, "one")
	broken.Text = "\xff" + code
	split := message(t, "a\r\nX-Evil: b")
	for _, m := range []deliver.SMS{broken, split} {
		checkError(t, send(t, p, m), deliver.ErrMisconfigured, false)
	}
	checkError(t, send(t, p, deliver.SMS{To: threepid.Address{}}), deliver.ErrRefused, false)
	if server.Asked() != 0 {
		t.Error("the gateway was asked")
	}
}
