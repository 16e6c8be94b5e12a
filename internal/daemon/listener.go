package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// The limits of every connection. A request must have arrived whole in
// readTimeout, however slowly its sender drips; how large its body may be is
// decided where it is read, and its answer may take as long as a long poll does.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// Listener is an address and what answers there.
type Listener struct {
	Name    string // for logs and errors, such as "api"
	Addr    string // IP address and port; port 0 takes a free one
	Handler http.Handler
	TLS     *tls.Config // nil for plain HTTP; with it HTTP/2 is spoken too
}

// server is a bound listener.
type server struct {
	name string
	net  net.Listener
	http *http.Server
}

// bind binds all listeners or none. Requests run under the context requests.
func (p Process) bind(requests context.Context) ([]*server, error) {
	var servers []*server
	for _, l := range p.Listeners {
		bound, err := net.Listen("tcp", l.Addr)
		if err != nil {
			for _, s := range servers {
				s.net.Close()
			}
			return nil, bindError(l, err)
		}
		servers = append(servers, &server{l.Name, bound, l.server(requests, p.Log)})
	}
	return servers, nil
}

// server makes the HTTP server of the listener. What the server says by itself,
// such as a failed TLS handshake, is logged as a warning: others cause most of it.
func (l Listener) server(requests context.Context, log *slog.Logger) *http.Server {
	handler := log.With("listener", l.Name).Handler()
	return &http.Server{
		Handler:           l.Handler,
		TLSConfig:         l.TLS,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(handler, slog.LevelWarn),
	}
}

// serve accepts connections until the server is shut down; an end that nobody
// asked for is told to failed.
func (s *server) serve(failed chan<- error) {
	var err error
	if s.http.TLSConfig != nil {
		err = s.http.ServeTLS(s.net, "", "")
	} else {
		err = s.http.Serve(s.net)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		failed <- fmt.Errorf("listener %s: %w", s.name, err)
	}
}

func addresses(servers []*server) []net.Addr {
	list := make([]net.Addr, len(servers))
	for i, s := range servers {
		list[i] = s.net.Addr()
	}
	return list
}

// bindError says in one line why the listener cannot be bound and what helps.
func bindError(l Listener, err error) error {
	hint := "an address of this machine and a port"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "another program listens there, perhaps this one started twice; stop it or choose another port"
	case errors.Is(err, fs.ErrPermission):
		hint = "ports below 1024 need a privilege; choose a higher one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "this machine has no such address"
	}
	return fmt.Errorf("listener %s: %w (%s)", l.Name, err, hint)
}
