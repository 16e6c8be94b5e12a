package mxhttp

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"
)

// pipes is a listener of connections that hold nothing back: what is written waits for who
// reads.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, open := <-p; open {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// Whoever asks for much and does not read it does not have the server hold it for good; who
// reads slowly, or asks again later, is answered.
func TestWhoDoesNotReadIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		large := bytes.Repeat([]byte("x"), 1<<20)
		ended := make(chan time.Duration, 1)
		answering := func(answer func(c echo.Context) error) echo.HandlerFunc {
			return func(c echo.Context) error {
				began := time.Now()
				err := answer(c)
				ended <- time.Since(began)
				return err
			}
		}
		handler, err := New(Options{}, []Route{
			{Method: http.MethodGet, Path: "/bytes", Handler: answering(func(c echo.Context) error { return ReplyBytes(c, "text/plain", "no-store", large) })},
			{Method: http.MethodGet, Path: "/json", Handler: answering(func(c echo.Context) error { return Reply(c, http.StatusOK, string(large)) })},
			{Method: http.MethodGet, Path: "/stream", Handler: answering(func(c echo.Context) error { return ReplyStream(c, manyParts{}) })},
		})
		if err != nil {
			t.Fatal(err)
		}
		listener := make(pipes)
		server := &http.Server{Handler: handler}
		go func() { _ = server.Serve(listener) }()
		dial := func(path string) net.Conn {
			client, theirs := net.Pipe()
			listener <- theirs
			if _, err := io.WriteString(client, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			return client
		}
		for path, most := range map[string]time.Duration{"/bytes": 125 * time.Second, "/json": 125 * time.Second, "/stream": 63 * time.Second} {
			client := dial(path)
			if took := <-ended; took < patience || took > most {
				t.Errorf("%s was held for %v, want %v to %v", path, took, patience, most)
			}
			client.Close()
		}
		client := dial("/bytes")
		reader := bufio.NewReader(client)
		for n := range 2 {
			if n > 0 { // long after, on the same connection
				time.Sleep(time.Hour)
				if _, err := io.WriteString(client, "GET /json HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
			}
			res, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if read, err := io.ReadAll(res.Body); err != nil || len(read) < len(large) {
				t.Errorf("who reads slowly has read %d octets, %v", len(read), err)
			}
			<-ended
		}
		client.Close()
		close(listener)
		_ = server.Shutdown(context.Background())
	})
}

// manyParts is a value that is written without end.
type manyParts struct{}

func (manyParts) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for range 1 << 20 {
		if err := e.WriteToken(jsontext.String("part")); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndArray)
}
