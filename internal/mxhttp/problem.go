package mxhttp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
)

// Problem is an error answer: its status, errcode and text for people, and further
// members of the JSON object (algorithm, lookup_pepper, …). It is an error, so that
// handlers may return it. Its text is for the client and is never logged below 500.
type Problem struct {
	Status  int
	Code    matrix.ErrCode
	Message string
	Extra   map[string]any
	Err     error // what it is the answer to, for errors.Is; nil where nothing else tells it
}

func (p Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Message) }

// Unwrap gives Err.
func (p Problem) Unwrap() error { return p.Err }

var internalError = Problem{Status: http.StatusInternalServerError, Code: matrix.Unknown,
	Message: "internal server error"}

// statusNoAnswer is what the log says of a request that nobody got the answer of: its
// client went away, or its handler broke the connection off.
const statusNoAnswer = 499

// answer is the one error handler: whatever went wrong leaves through here.
func (s *server) answer(err error, c echo.Context) {
	x := of(c)
	p := s.problem(c, err)
	x.code = p.Code
	if p.Status >= http.StatusInternalServerError {
		x.cause = err
	}
	if c.Response().Committed {
		return
	}
	x.body.drain(c)
	x.manners.header(c.Response().Header())
	if limit, ok := errors.AsType[matrix.LimitExceeded](err); ok {
		c.Response().Header().Set(echo.HeaderRetryAfter, retryAfter(limit.RetryAfter))
	}
	if err := x.write(c, p); err != nil {
		x.cause = errors.Join(x.cause, err)
	}
}

// write answers p as a page where a page was asked for and can be made, else as JSON.
func (x *exchange) write(c echo.Context, p Problem) error {
	var err error
	if render := x.server.Page; render != nil && x.manners.page {
		if err = render(c, p); c.Response().Committed {
			return err
		}
	}
	return errors.Join(err, Reply(c, p.Status, p.members()))
}

// problem is the table from errors to answers. What only the log may know is not in
// its result.
func (s *server) problem(c echo.Context, err error) Problem {
	if p, ok := errors.AsType[Problem](err); ok {
		return p
	}
	if limit, ok := errors.AsType[matrix.LimitExceeded](err); ok {
		return Problem{Status: http.StatusTooManyRequests, Code: matrix.LimitExceededCode, Message: "too many requests",
			Extra: map[string]any{"retry_after_ms": roundUp(limit.RetryAfter, time.Millisecond)}}
	}
	if p, ok := s.Translate(err); ok {
		return p
	}
	if errors.Is(err, ErrNoBearer) {
		return Problem{Status: http.StatusUnauthorized, Code: matrix.MissingToken, Message: "an access token is needed"}
	}
	if he, ok := errors.AsType[*echo.HTTPError](err); ok {
		return echoProblem(he)
	}
	if cancelled(c) { // if anybody still reads the answer, it is we who stop
		return Problem{Status: http.StatusServiceUnavailable, Code: matrix.Unknown, Message: "the server is stopping"}
	}
	return internalError
}

// cancelled reports whether the client went away, or the server stops.
func cancelled(c echo.Context) bool { return c.Request().Context().Err() == context.Canceled }

// retryAfter is a Retry-After header: whole seconds, rounded up, at least one.
func retryAfter(d time.Duration) string {
	return strconv.FormatInt(max(1, roundUp(d, time.Second)), 10)
}

// roundUp is d in whole units, never negative.
func roundUp(d, unit time.Duration) int64 {
	n := int64(max(d, 0) / unit)
	if d > time.Duration(n)*unit {
		n++
	}
	return n
}

// echoProblem answers what the router and echo's own helpers refuse. Their texts may
// tell of Go types, so only the status is kept.
func echoProblem(he *echo.HTTPError) Problem {
	switch he.Code {
	case http.StatusNotFound:
		return Problem{Status: he.Code, Code: matrix.Unrecognized, Message: "unrecognized request"}
	case http.StatusMethodNotAllowed:
		return Problem{Status: he.Code, Code: matrix.Unrecognized, Message: "this path does not answer the method"}
	case http.StatusRequestEntityTooLarge:
		return errTooLarge
	}
	return Problem{Status: he.Code, Code: matrix.Unknown, Message: http.StatusText(he.Code)}
}

func (p Problem) members() map[string]any {
	m := make(map[string]any, len(p.Extra)+2)
	maps.Copy(m, p.Extra)
	m["errcode"], m["error"] = p.Code, p.Message
	return m
}
