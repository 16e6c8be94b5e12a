package mxhttp_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/mxhttp"
)

// silent is a writer that keeps nothing.
type silent struct{}

func (silent) Header() http.Header         { return http.Header{} }
func (silent) Write(p []byte) (int, error) { return len(p), nil }
func (silent) WriteHeader(int)             {}

func bufioReader(s string) *bufio.Reader { return bufio.NewReader(strings.NewReader(s)) }

// BenchmarkPing is a whole request through every middleware, with log and metrics.
func BenchmarkPing(b *testing.B) {
	e, err := mxhttp.New(mxhttp.Options{
		Logger:  slog.New(slog.NewJSONHandler(new(journalSink), nil)),
		Metrics: prometheus.NewRegistry(),
	}, []mxhttp.Route{get(ping, pong)})
	if err != nil {
		b.Fatal(err)
	}
	req, err := http.ReadRequest(bufioReader("GET " + ping + " HTTP/1.1\r\nHost: h\r\n\r\n"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.ServeHTTP(silent{}, req)
	}
}

// journalSink is where a log line ends that nobody reads; a discarding handler would
// not format it.
type journalSink struct{}

func (*journalSink) Write(p []byte) (int, error) { return len(p), nil }

// lookupBody is the largest request that comes every day: 1,000 hashes.
func lookupBody() string {
	hashes := make([]string, 1000)
	for i := range hashes {
		hashes[i] = fmt.Sprintf("%043x", i)
	}
	b, _ := json.Marshal(map[string]any{"addresses": hashes, "algorithm": "sha256", "pepper": "matrixrocks"})
	return string(b)
}

func BenchmarkDecodeLookup(b *testing.B) {
	e, err := mxhttp.New(mxhttp.Options{}, []mxhttp.Route{post("/_matrix/x", func(c echo.Context) error {
		var v struct {
			Addresses []string `json:"addresses" required:"true"`
			Algorithm string   `json:"algorithm" required:"true"`
			Pepper    string   `json:"pepper" required:"true"`
		}
		return mxhttp.Decode(c, &v)
	})})
	if err != nil {
		b.Fatal(err)
	}
	body := lookupBody()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		e.ServeHTTP(silent{}, httptest.NewRequest("POST", "/_matrix/x", io.NopCloser(strings.NewReader(body))))
	}
}
