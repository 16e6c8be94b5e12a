package mxhttp

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// close tells log, metrics and trace how the request ended. It names the route, never
// the path, and nothing else that the client chose.
func (x *exchange) close(c echo.Context) {
	e := event{
		method: methodLabel(c.Request().Method),
		route:  routeLabel(c.Path()),
		status: x.outcome(c),
		took:   time.Since(x.start),
	}
	x.log(c, e)
	if x.server.metrics != nil {
		x.server.metrics.observe(e)
	}
	if x.span != nil {
		x.endSpan(e)
	}
}

// outcome is the status to tell. What failed because its client went away is not a
// failure of ours.
func (x *exchange) outcome(c echo.Context) int {
	switch {
	case x.status != 0:
		return x.status
	case x.cause != nil && cancelled(c):
		return statusNoAnswer
	}
	return c.Response().Status
}

// event is a request as log, metrics and trace see it.
type event struct {
	method, route string
	status        int
	took          time.Duration
}

func (x *exchange) log(c echo.Context, e event) {
	level := slog.LevelInfo
	if e.status >= http.StatusInternalServerError || x.cause != nil && e.status != statusNoAnswer {
		level = slog.LevelError
	}
	attrs := make([]slog.Attr, 0, 9)
	attrs = append(attrs,
		slog.String("request_id", x.id),
		slog.String("method", e.method),
		slog.String("route", e.route),
		slog.Int("status", e.status),
		slog.Float64("duration_ms", float64(e.took.Microseconds())/1000),
		slog.Int64("bytes", c.Response().Size),
		slog.String("caller", x.caller))
	if x.code != "" {
		attrs = append(attrs, slog.String("errcode", string(x.code)))
	}
	if x.cause != nil {
		attrs = append(attrs, slog.String("error", x.cause.Error()))
	}
	x.server.Logger.LogAttrs(context.Background(), level, "request", attrs...)
}

// unmatched is the route of a request that none matches.
const unmatched = "unmatched"

func routeLabel(pattern string) string { return cmp.Or(pattern, unmatched) }

// methodLabel keeps the words of strangers out of the labels.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodDelete, http.MethodOptions, http.MethodPatch:
		return method
	}
	return "other"
}
