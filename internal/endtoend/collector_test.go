package endtoend

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// collector takes traces by OTLP over HTTP and keeps them as they came.
type collector struct {
	*httptest.Server
	mu     sync.Mutex // guards traces
	traces [][]byte
}

// collectorKey finds the collector of a script.
type collectorKey struct{}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(c.take))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) take(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path != "/v1/traces" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.traces = append(c.traces, body)
}

// received tells whether a span of that name has come. Names stand in the messages
// as plain text.
func (c *collector) received(span string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Contains(bytes.Join(c.traces, nil), []byte(span))
}
