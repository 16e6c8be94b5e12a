package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"time"
)

// patience is how long an answer may take.
const patience = time.Minute

// wire is a kept connection to the server. It costs a fraction of what http.Client
// does: a request is one write of prepared octets, and no goroutine stands between.
type wire struct {
	net.Conn
	reader *bufio.Reader
	body   bytes.Buffer
	stop   func() bool
}

// answer is what came back. Its body holds until the next exchange.
type answer struct {
	status int
	body   []byte
}

// errRefused is the error of an answer that is not the one that was hoped for.
var errRefused = errors.New("the server answered")

// dial opens a wire, which the end of ctx cuts.
func dial(ctx context.Context, addr string) (*wire, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: c, reader: bufio.NewReaderSize(c, 16<<10)}
	w.stop = context.AfterFunc(ctx, func() { _ = c.Close() })
	return w, nil
}

// Close ends the connection.
func (w *wire) Close() error {
	w.stop()
	return w.Conn.Close()
}

// ask makes one request, of which a 200 is wanted.
func ask(ctx context.Context, addr string, request []byte) (answer, error) {
	w, err := dial(ctx, addr)
	if err != nil {
		return answer{}, err
	}
	defer w.Close()
	a, err := w.do(request)
	if err != nil {
		return answer{}, err
	}
	return a, a.hoped(http.StatusOK)
}

func (w *wire) do(request []byte) (answer, error) {
	if err := w.SetDeadline(time.Now().Add(patience)); err != nil {
		return answer{}, err
	}
	if _, err := w.Write(request); err != nil {
		return answer{}, err
	}
	return w.read()
}

// errAnswer is the error of an answer that this reader does not understand.
var errAnswer = errors.New("the answer cannot be read")

// read reads an answer that has a length or comes in chunks. Of the header it wants to know only how long the
// body is, which is why it takes less time than http.ReadResponse.
func (w *wire) read() (answer, error) {
	line, err := w.reader.ReadSlice('\n')
	if err != nil {
		return answer{}, err
	}
	status, err := strconv.Atoi(string(line[min(len(line), 9):min(len(line), 12)])) // HTTP/1.1 200 OK
	if err != nil {
		return answer{}, errAnswer
	}
	length, err := w.header()
	if err != nil {
		return answer{}, err
	}
	w.body.Reset()
	if length == chunked {
		err = w.readChunks()
	} else {
		_, err = io.CopyN(&w.body, w.reader, length)
	}
	return answer{status: status, body: w.body.Bytes()}, err
}

// Lengths that are no number of octets.
const (
	unknown = -1
	chunked = -2
)

// header reads up to the body and tells its length.
func (w *wire) header() (length int64, err error) {
	length = unknown
	for {
		line, err := w.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) == len("\r\n") {
			break
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil || length < 0 {
				return 0, errAnswer
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			length = chunked
		}
	}
	if length == unknown {
		return 0, errAnswer
	}
	return length, nil
}

func (w *wire) readChunks() error {
	if _, err := w.body.ReadFrom(httputil.NewChunkedReader(w.reader)); err != nil {
		return err
	}
	_, err := w.reader.ReadSlice('\n') // the line after the last chunk
	return err
}

// hoped is nil for an answer of that status.
func (a answer) hoped(status int) error {
	if a.status == status {
		return nil
	}
	return fmt.Errorf("%w %d instead of %d: %.300s", errRefused, a.status, status, a.body)
}

// caller is on whose behalf a request is made: by token, from a client's address, to the
// host of that name, which is hostName if it is empty.
type caller struct{ user, token, client, host string }

func get(path string, c caller) []byte { return request("GET", path, c, "") }

func post(path string, c caller, body string) []byte { return request("POST", path, c, body) }

func put(path string, c caller, body string) []byte { return request("PUT", path, c, body) }

// request writes a request as a reverse proxy passes it on.
func request(method, path string, c caller, body string) []byte {
	b := make([]byte, 0, 512)
	b = append(b, method+" "+path+" HTTP/1.1\r\nHost: "+cmp.Or(c.host, hostName)+"\r\n"...)
	if c.token != "" {
		b = append(b, "Authorization: Bearer "+c.token+"\r\n"...)
	}
	if c.client != "" {
		b = append(b, "X-Forwarded-For: "+c.client+"\r\n"...)
	}
	if method != http.MethodGet {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
		b = append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n"...)
	}
	return append(append(b, "\r\n"...), body...)
}
