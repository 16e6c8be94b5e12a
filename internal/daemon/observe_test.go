package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"signet/internal/config"
)

func TestNewLogger(t *testing.T) {
	for _, test := range []struct {
		config config.Log
		want   []string // what of debug, info, warn and error is written
	}{
		{config.Log{Level: "debug"}, []string{"DEBUG", "INFO", "WARN", "ERROR"}},
		{config.Log{Level: "info"}, []string{"INFO", "WARN", "ERROR"}},
		{config.Log{Level: "warn"}, []string{"WARN", "ERROR"}},
		{config.Log{Level: "error"}, []string{"ERROR"}},
		{config.Log{}, []string{"INFO", "WARN", "ERROR"}},
	} {
		text, asJSON := new(journal), new(journal)
		writeAll(NewLogger(text, config.Log{Level: test.config.Level, Format: "text"}))
		writeAll(NewLogger(asJSON, config.Log{Level: test.config.Level, Format: "json"}))
		var fromText, fromJSON []string
		for line := range strings.Lines(text.String()) {
			_, rest, _ := strings.Cut(line, "level=")
			level, _, _ := strings.Cut(rest, " ")
			fromText = append(fromText, level)
		}
		for line := range strings.Lines(asJSON.String()) {
			var record struct{ Level string }
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Errorf("log line %q: %v", line, err)
			}
			fromJSON = append(fromJSON, record.Level)
		}
		want := strings.Join(test.want, " ")
		if strings.Join(fromText, " ") != want || strings.Join(fromJSON, " ") != want {
			t.Errorf("level %q writes %v as text and %v as JSON, want %v", test.config.Level, fromText, fromJSON, want)
		}
	}
}

func writeAll(log *slog.Logger) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		log.Log(context.Background(), level, "a message")
	}
}

func TestMetrics(t *testing.T) {
	w := httptest.NewRecorder()
	Metrics(prometheus.NewRegistry()).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{"\nsignet_build_info{", `version="`, "\ngo_goroutines ", "\nprocess_start_time_seconds "} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("metrics do not hold %q", want)
		}
	}
}

func TestVersionOf(t *testing.T) {
	built := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef"}
	modified := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for want, info := range map[string]*debug.BuildInfo{
		"v1.2.3":                built("v1.2.3", revision),
		"0123456789ab":          built("(devel)", revision),
		"0123456789ab-modified": built("(devel)", revision, modified),
		"devel":                 built(""),
	} {
		if got := versionOf(info); got != want {
			t.Errorf("versionOf(%v) = %q, want %q", info, got, want)
		}
	}
	if Version() == "" {
		t.Error("Version() is empty")
	}
}

func TestTracingWanted(t *testing.T) {
	const endpoint, exporter = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER"
	for _, test := range []struct {
		name   string
		env    map[string]string
		wanted bool
		err    error
	}{
		{"nothing", nil, false, nil},
		{"exporter", map[string]string{exporter: "otlp"}, true, nil},
		{"endpoint", map[string]string{endpoint: "http://127.0.0.1"}, true, nil},
		{"endpoint of traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1"}, true, nil},
		{"disabled", map[string]string{endpoint: "http://127.0.0.1", "OTEL_SDK_DISABLED": "true"}, false, nil},
		{"none", map[string]string{endpoint: "http://127.0.0.1", exporter: "none"}, false, nil},
		{"another exporter", map[string]string{exporter: "console"}, false, ErrTracing},
		{"over HTTP", map[string]string{exporter: "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, true, nil},
		{"over gRPC", map[string]string{exporter: "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, ErrTracing},
		{"metrics over gRPC, traces not", map[string]string{exporter: "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, true, nil},
		{"no traces over gRPC", map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, nil},
	} {
		got, err := tracingWanted(func(name string) string { return test.env[name] })
		if got != test.wanted || !errors.Is(err, test.err) {
			t.Errorf("%s: tracingWanted = %v, %v, want %v, %v", test.name, got, err, test.wanted, test.err)
		}
	}
}

func TestTracingOff(t *testing.T) {
	provider, shutdown, err := StartTracing(t.Context(), "idserver", "v1", func(string) string { return "" })
	if _, off := provider.(noop.TracerProvider); !off || err != nil || shutdown(t.Context()) != nil {
		t.Errorf("StartTracing = %T, %v, want a provider that does nothing", provider, err)
	}
	provider, shutdown, err = StartTracing(t.Context(), "idserver", "v1", func(string) string { return "zipkin" })
	if provider != nil || shutdown != nil || !errors.Is(err, ErrTracing) {
		t.Errorf("StartTracing with an exporter that is not there = %v, %v, want %v", provider, err, ErrTracing)
	}
}

// TestTracing lets a span travel to a collector of ours.
func TestTracing(t *testing.T) {
	received := make(chan *collector.ExportTraceServiceRequest, 1)
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var export collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &export) != nil {
			t.Errorf("%s %s is not an export of traces: %v", r.Method, r.URL.Path, err)
		}
		received <- &export
	}))
	defer sink.Close()
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": sink.URL, "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=signet"}
	for name, value := range env {
		t.Setenv(name, value)
	}
	provider, shutdown, err := StartTracing(t.Context(), "idserver", "v1", func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	_, span := provider.Tracer("test").Start(t.Context(), "POST /lookup")
	span.End()
	if err := shutdown(t.Context()); err != nil {
		t.Fatalf("shutdown = %v", err)
	}
	spans := (<-received).ResourceSpans[0]
	if got := spans.ScopeSpans[0].Spans[0].Name; got != "POST /lookup" {
		t.Errorf("the span that arrived is %q", got)
	}
	attributes := map[string]string{}
	for _, a := range spans.Resource.Attributes {
		attributes[a.Key] = a.Value.GetStringValue()
	}
	for name, want := range map[string]string{"service.name": "idserver", "service.version": "v1", "service.namespace": "signet"} {
		if attributes[name] != want {
			t.Errorf("attribute %s = %q, want %q", name, attributes[name], want)
		}
	}
}
