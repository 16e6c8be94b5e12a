package mxhttp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"

	"signet/internal/matrix"
)

// exchange is what the server knows of one request and its answer.
type exchange struct {
	server  *server
	id      string
	start   time.Time
	span    trace.Span // nil when nobody traces
	body    body
	manners manners
	status  int            // for the log, where it is not that of the answer
	caller  string         // kind of the caller, as a handler told it
	code    matrix.ErrCode // of the error that was answered
	cause   error          // what the client was not told
}

const exchangeKey = "signet.exchange"

// of returns the exchange that c belongs to; c was made by a server of New.
func of(c echo.Context) *exchange { return c.Get(exchangeKey).(*exchange) }

// RequestID returns the id that this request bears in the log and in X-Request-Id:
// 16 hexadecimal digits of our own making, whatever the client proposed.
func RequestID(c echo.Context) string { return of(c).id }

// Log returns a logger whose lines carry the request id.
func Log(c echo.Context) *slog.Logger {
	x := of(c)
	return x.server.Logger.With(slog.String("request_id", x.id))
}

// SetCaller tells the access log what kind of caller this is: "account",
// "homeserver", "page". It is never an identity.
func SetCaller(c echo.Context, kind string) { of(c).caller = kind }

// serve wraps the router: every request passes here exactly once, in and out.
func (s *server) serve(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		x := s.open(c)
		defer x.close(c)
		err := x.guard(c, func() error { return x.route(c, next) })
		if err == nil {
			return nil
		}
		failed := x.guard(c, func() error { s.answer(err, c); return nil })
		if _, cut := errors.AsType[cutShort](err); cut {
			panic(http.ErrAbortHandler) // as guard does, and for its reason
		}
		if failed != nil || !c.Response().Committed { // the answer itself failed, and the log says so
			_ = Reply(c, internalError.Status, internalError.members())
		}
		return nil
	}
}

func (s *server) open(c echo.Context) *exchange {
	r := c.Request()
	// The router looks at the escaped path only, so that a parameter is always
	// escaped and Segment unescapes it exactly once.
	r.URL.RawPath = r.URL.EscapedPath()
	x := &exchange{
		server: s, id: newRequestID(), start: time.Now(),
		manners: mannersAt(r.URL.RawPath),
		body:    body{ReadCloser: r.Body, left: s.MaxBody},
		caller:  "none",
	}
	c.Set(exchangeKey, x)
	c.Response().Header().Set(echo.HeaderXRequestID, x.id)
	// What the request before was allowed, of the same connection, has come to its end.
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Time{})
	ctx := r.Context()
	if s.tracer != nil {
		ctx = x.startSpan(r)
	}
	// The request is copied, since net/http judges by the body of its own what to do
	// about the part that nobody has read.
	if s.tracer != nil || r.Body != http.NoBody {
		r = r.WithContext(ctx)
		r.Body = &x.body
		c.SetRequest(r)
	}
	return x
}

func newRequestID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// route hands the request to the router and to the handler that it finds.
func (x *exchange) route(c echo.Context, next echo.HandlerFunc) error {
	r := c.Request()
	if !x.server.hostAllowed(r.Host) {
		x.manners = manners{}
		return Problem{Status: http.StatusMisdirectedRequest, Code: matrix.Forbidden,
			Message: "this server does not answer to the name in the Host header"}
	}
	err := next(c)
	switch {
	case err == nil:
		return nil
	case r.Method == http.MethodOptions && x.manners.cors && errors.Is(err, echo.ErrNotFound):
		return preflight(c)
	case errors.Is(err, echo.ErrMethodNotAllowed) && !fits(c.Path(), r.URL.RawPath):
		c.Response().Header().Del(echo.HeaderAllow)
		return echo.ErrNotFound
	}
	return err
}

// guard runs f and turns a panic into an error. An answer that has begun cannot be
// mended: then the connection is broken off, so that no client takes half of it for
// the whole.
func (x *exchange) guard(c echo.Context, f func() error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		x.status = statusNoAnswer
		if v == http.ErrAbortHandler {
			panic(v)
		}
		x.status = http.StatusInternalServerError
		Log(c).LogAttrs(context.Background(), slog.LevelError, "handler panicked",
			slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
		if c.Response().Committed {
			panic(http.ErrAbortHandler)
		}
		err = errPanic
	}()
	return f()
}

var errPanic = errors.New("handler panicked")
