package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func reading(text string) *wire { return &wire{reader: bufio.NewReader(strings.NewReader(text))} }

// What is written as an answer is read as it was, of known length or in chunks, and
// the answer after it too.
func FuzzRead(f *testing.F) {
	f.Add(200, []byte(`{"sid":"x"}`), false)
	f.Add(403, bytes.Repeat([]byte("picture"), 10_000), true)
	f.Add(404, []byte{}, true)
	f.Fuzz(func(t *testing.T, status int, body []byte, chunked bool) {
		if status < 200 || status > 599 || status == http.StatusNoContent || status == http.StatusNotModified {
			return // those without a body do not come
		}
		r := http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)),
			Header: http.Header{"Date": {"now"}, "X-Content-Length": {"1"}}}
		if chunked {
			r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
		}
		var text bytes.Buffer
		for range 2 {
			r.Body = io.NopCloser(bytes.NewReader(body))
			if err := r.Write(&text); err != nil {
				t.Fatal(err)
			}
		}
		w := reading(text.String())
		for range 2 {
			if a, err := w.read(); err != nil || a.status != status || !bytes.Equal(a.body, body) {
				t.Fatalf("%q is read as %d %q, %v", text.String(), a.status, a.body, err)
			}
		}
	})
}

// Anything else is an error, never a panic or an answer made up.
func FuzzReadAnything(f *testing.F) {
	for _, bad := range []string{"", "\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"} {
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := reading(text).read()
		if err == nil && !strings.Contains(text, string(a.body)) && !strings.Contains(text, "Transfer-Encoding") {
			t.Fatalf("%q is read as %d %q", text, a.status, a.body)
		}
	})
}

func TestReadWhatIsCutOff(t *testing.T) {
	for _, text := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"} {
		if a, err := reading(text).read(); err == nil {
			t.Errorf("%q is read as %d %q", text, a.status, a.body)
		}
	}
}

// Names of headers are read in any case (RFC 9110, section 5.1).
func TestReadAnyCase(t *testing.T) {
	for _, text := range []string{"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", "HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"} {
		if a, err := reading(text).read(); err != nil || a.status != 200 || string(a.body) != "ab" {
			t.Errorf("%q is read as %d %q, %v", text, a.status, a.body, err)
		}
	}
}
