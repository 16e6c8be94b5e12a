package fedclient

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// An answer that is read piece by piece is cut where the request says, breaks off where the
// server does, and comes whole otherwise.
func TestStreams(t *testing.T) {
	tests := []struct {
		name, body string
		max        int64
		breaks     bool
		want       error
	}{
		{"shorter than it may be", "hello", 6, false, nil},
		{"as long as it may be", "hello", 5, false, nil},
		{"longer than it may be", "hello", 4, false, ErrTooLarge},
		{"much longer", strings.Repeat("x", 1<<20), 1 << 10, false, ErrTooLarge},
		{"broken off", "hello", 1 << 10, true, ErrUnreachable},
	}
	for _, tt := range tests {
		onBothProtocols(t, func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(rw, tt.body)
			if tt.breaks {
				_ = http.NewResponseController(rw).Flush()
				panic(http.ErrAbortHandler)
			}
		}, func(t *testing.T, w *world) {
			r := ping("1.2.3.4")
			r.MaxBytes = tt.max
			answer, err := w.client().Open(t.Context(), r)
			if err != nil {
				t.Fatalf("%s: Open = %v", tt.name, err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if !errors.Is(err, tt.want) || int64(len(body)) > tt.max || err == nil && string(body) != tt.body {
				t.Errorf("%s: read %d octets, %v, want %v", tt.name, len(body), err, tt.want)
			}
		})
	}
}
