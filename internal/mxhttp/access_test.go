package mxhttp_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"signet/internal/mxhttp"
)

func TestAccessLine(t *testing.T) {
	w := newWorld(t, mxhttp.Options{}, post("/_matrix/room/:room", func(c echo.Context) error {
		mxhttp.SetCaller(c, "account")
		return pong(c)
	}))
	w.do("POST", "/_matrix/room/!r:s", "{}")
	w.do("BREW", "/_matrix/nothing", "")
	lines := w.lines("request")
	if len(lines) != 2 {
		t.Fatalf("%d lines for two requests: %v", len(lines), lines)
	}
	for i, want := range []map[string]any{
		{"level": "INFO", "method": "POST", "route": "/_matrix/room/:room", "status": 200.0, "bytes": 2.0, "caller": "account"},
		{"level": "INFO", "method": "other", "route": "unmatched", "status": 404.0, "caller": "none", "errcode": "M_UNRECOGNIZED"},
	} {
		for key, value := range want {
			if lines[i][key] != value {
				t.Errorf("line %d: %s = %v, want %v", i, key, lines[i][key], value)
			}
		}
	}
	want := []string{"bytes", "caller", "duration_ms", "level", "method", "msg", "request_id", "route", "status", "time"}
	if got := slices.Sorted(maps.Keys(lines[0])); !slices.Equal(got, want) {
		t.Errorf("a line has %q, want %q", got, want)
	}
}

// Whatever a client sends, and wherever: neither log nor metric nor trace has it.
func TestNothingOfTheClientIsTold(t *testing.T) {
	const secret = "s3cr3t"
	reg, spans := prometheus.NewRegistry(), tracetest.NewSpanRecorder()
	lenient := func(c echo.Context) error {
		var body struct {
			Token string `json:"token" required:"true"`
		}
		if err := mxhttp.Decode(c, &body); err != nil {
			return err
		}
		return pong(c)
	}
	w := newWorld(t, mxhttp.Options{Metrics: reg, Namespace: "t", Hosts: nil, Page: renderedPage,
		Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))},
		post("/_matrix/a/:id", lenient), get("/_matrix/q", func(c echo.Context) error { _, err := mxhttp.Query(c, "x"); return err }),
		post("/_matrix/panic/:id", func(echo.Context) error { panic("boom") }))
	for _, path := range []string{"/_matrix/a/", "/_matrix/panic/", "/_matrix/nothing/", "/page/", "/_matrix/q?x=%zz&y="} {
		for _, method := range []string{"GET", "POST", "PUT", "S3CR3T"} {
			for _, body := range []string{`{"token":"%s"}`, `{"token":["%s"]}`, `{"%[1]s":1,"%[1]s":2}`, `{"token":"%s`, "%s", `{"x":"%s"}`} {
				r := w.do(method, path+secret, fmt.Sprintf(body, secret), "Authorization", "Bearer "+secret, "User-Agent", secret,
					"Cookie", "c="+secret, "X-Request-Id", secret, "Referer", "http://"+secret, "X-Forwarded-For", secret, "Content-Type", "text/"+secret)
				if strings.Contains(r.body, secret) {
					t.Errorf("%s %s with %s echoes the client: %s", method, path, body, r.body)
				}
			}
		}
	}
	w.srv.Close()
	told := w.log.String() + gathered(t, reg)
	for _, s := range spans.Ended() {
		told += fmt.Sprint(s.Name(), s.Attributes(), s.Events(), s.Status())
	}
	if i := strings.Index(strings.ToLower(told), secret); i >= 0 {
		t.Errorf("told: …%s…", told[max(0, i-200):min(len(told), i+50)])
	}
	if strings.Contains(w.log.String(), "127.0.0.1") {
		t.Error("the log has the client's network address")
	}
}

// gathered is everything that reg tells, as text.
func gathered(t *testing.T, reg *prometheus.Registry) string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			fmt.Fprintf(&b, "%s{%s} %v\n", f.GetName(), strings.Join(labels, ","),
				m.GetCounter().GetValue()+float64(m.GetHistogram().GetSampleCount()))
		}
	}
	return b.String()
}

// Two servers of one program count into the same metrics; panics are counted.
func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	o := mxhttp.Options{Metrics: reg, Namespace: "signet_test"}
	one := newWorld(t, o, get("/_matrix/room/:room", pong))
	two := newWorld(t, o, get("/_matrix/boom", func(echo.Context) error { panic("boom") }))
	one.do("GET", "/_matrix/room/a", "")
	one.do("GET", "/_matrix/room/b", "")
	one.do("HEAD", "/_matrix/room/b", "")
	one.do("GET", "/_matrix/nothing", "")
	two.do("GET", "/_matrix/boom", "")
	one.srv.Close()
	two.srv.Close()
	got := gathered(t, reg)
	for _, want := range []string{
		"signet_test_http_requests_total{method=GET,route=/_matrix/room/:room,status=200} 2\n",
		"signet_test_http_requests_total{method=HEAD,route=/_matrix/room/:room,status=200} 1\n",
		"signet_test_http_requests_total{method=GET,route=unmatched,status=404} 1\n",
		"signet_test_http_requests_total{method=GET,route=/_matrix/boom,status=500} 1\n",
		"signet_test_http_request_duration_seconds{method=GET,route=/_matrix/room/:room} 2\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("metrics lack %s in\n%s", want, got)
		}
	}
}

func TestMetricsRefusesANameTakenOtherwise(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_requests_total", Help: "Another."}))
	if _, err := mxhttp.New(mxhttp.Options{Metrics: reg}, nil); err == nil {
		t.Error("New took a registry whose names mean something else")
	}
}

func TestTrace(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	inner := make(chan trace.SpanContext, 1)
	w := newWorld(t, mxhttp.Options{Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))},
		get("/_matrix/room/:room", func(c echo.Context) error {
			inner <- trace.SpanContextFromContext(c.Request().Context())
			return pong(c)
		}))
	w.do("GET", "/_matrix/room/a", "", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	w.do("GET", "/_matrix/nothing", "")
	w.srv.Close()
	ended := spans.Ended()
	if len(ended) != 2 {
		t.Fatalf("%d spans for two requests", len(ended))
	}
	s := ended[0]
	if s.Name() != "GET /_matrix/room/:room" || s.SpanKind() != trace.SpanKindServer || ended[1].Name() != "GET" {
		t.Errorf("spans %q (%v) and %q", s.Name(), s.SpanKind(), ended[1].Name())
	}
	if got := s.SpanContext().TraceID().String(); got != "0af7651916cd43dd8448eb211c80319c" || s.Parent().SpanID().String() != "b7ad6b7169203331" {
		t.Errorf("trace %s, parent %s, want the caller's", got, s.Parent().SpanID())
	}
	if got := <-inner; got.SpanID() != s.SpanContext().SpanID() {
		t.Errorf("the handler works in span %s, want %s", got.SpanID(), s.SpanContext().SpanID())
	}
	for _, want := range []attribute.KeyValue{
		attribute.String("http.route", "/_matrix/room/:room"),
		attribute.Int("http.response.status_code", http.StatusOK),
	} {
		if !slices.Contains(s.Attributes(), want) {
			t.Errorf("attributes %v lack %v", s.Attributes(), want)
		}
	}
}
