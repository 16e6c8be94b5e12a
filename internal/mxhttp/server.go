package mxhttp

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// defaultMaxBody is the size in bytes that a request body may have where nobody says
// otherwise.
const defaultMaxBody = 64 << 10

// Options is what a program tells its HTTP server once. The zero value serves.
type Options struct {
	// Logger receives one line a request; nil logs nothing.
	Logger *slog.Logger
	// Translate is the program's only table from domain errors to answers; false
	// means that nobody named the error, which is then answered as a 500.
	Translate func(error) (Problem, bool)
	// Proxies are the networks of the proxies whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Hosts are the only values of Host (host or host:port, in any case) that are
	// answered, in development mode; nil answers any.
	Hosts []string
	// MaxBody is the size in bytes that a body may have unless its route says
	// otherwise; 0 means 64 KiB.
	MaxBody int64
	// Metrics is where requests are counted and timed, under Namespace; nil does not.
	// Servers of one program may share it.
	Metrics   prometheus.Registerer
	Namespace string
	// Tracer makes one server span a request; nil makes none.
	Tracer trace.TracerProvider
	// Page answers an error on a page as HTML; nil answers JSON everywhere.
	Page func(c echo.Context, p Problem) error
}

// Route is one line of a program's table of routes. A GET route answers HEAD too;
// OPTIONS is answered without one.
type Route struct {
	Method, Path string
	Handler      echo.HandlerFunc
	// Page marks a page for people: without CORS, its errors in HTML.
	Page bool
	// MaxBody is the size in bytes that a body may have; 0 means that of Options.
	MaxBody int64
}

type server struct {
	Options
	echo    *echo.Echo
	metrics *metrics
	tracer  trace.Tracer
	buffers sync.Pool // of *bytes.Buffer: request bodies while they are decoded
}

// New makes the handler for routes. It refuses a route that is incomplete and two
// routes that answer the same method and path.
func New(o Options, routes []Route) (*echo.Echo, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	s.echo.Pre(s.serve)
	s.echo.HTTPErrorHandler = s.answer
	taken := make(map[string]bool)
	for _, r := range routes {
		if err := s.add(r, taken); err != nil {
			return nil, fmt.Errorf("route %s %s: %w", r.Method, r.Path, err)
		}
	}
	return s.echo, nil
}

func newServer(o Options) (*server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Translate == nil {
		o.Translate = func(error) (Problem, bool) { return Problem{}, false }
	}
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	s := &server{Options: o, echo: echo.New()}
	s.echo.Logger.SetOutput(io.Discard) // what echo has to say is said by our own line
	if o.Tracer != nil {
		s.tracer = o.Tracer.Tracer("signet/internal/mxhttp")
	}
	if o.Metrics == nil {
		return s, nil
	}
	var err error
	s.metrics, err = newMetrics(o.Metrics, o.Namespace)
	return s, err
}

func (s *server) add(r Route, taken map[string]bool) error {
	switch {
	case r.Method == "" || !strings.HasPrefix(r.Path, "/") || r.Handler == nil:
		return errors.New("a route needs a method, a path and a handler")
	case r.Method == http.MethodOptions:
		return errors.New("OPTIONS is answered without a route")
	}
	if r.MaxBody == 0 {
		r.MaxBody = s.MaxBody
	}
	methods := []string{r.Method}
	if r.Method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	for _, m := range methods {
		if !claim(taken, m, r.Path) {
			return fmt.Errorf("another route answers %s there already", m)
		}
	}
	s.echo.Match(methods, r.Path, s.handle(r))
	if mannersOf(r).cors && claim(taken, http.MethodOptions, r.Path) {
		s.echo.OPTIONS(r.Path, preflight)
	}
	return nil
}

// claim reports whether the method and path were free, and takes them. The router
// would let the last of two routes win, whatever their parameters are called.
func claim(taken map[string]bool, method, path string) bool {
	key := method + " " + shape(path)
	free := !taken[key]
	taken[key] = true
	return free
}

// handle is the handler of a matched route: what depends on the route alone.
func (s *server) handle(r Route) echo.HandlerFunc {
	manners := mannersOf(r)
	return func(c echo.Context) error {
		x := of(c)
		x.manners = manners
		manners.header(c.Response().Header())
		if !fits(r.Path, c.Request().URL.RawPath) {
			return echo.ErrNotFound
		}
		x.body.left = r.MaxBody
		if c.Request().ContentLength > r.MaxBody {
			return errTooLarge
		}
		return r.Handler(c)
	}
}

// shape is a route's path without the names of its parameters: two routes of one
// shape match the same requests.
func shape(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, ":") {
			segments[i] = ":"
		}
	}
	return strings.Join(segments, "/")
}

// fits reports whether path has the segments that pattern asks for. The router's
// last parameter would take several segments, and any parameter an empty one.
func fits(pattern, path string) bool {
	if strings.HasSuffix(pattern, "*") {
		return true
	}
	return strings.Count(pattern, "/") == strings.Count(path, "/") &&
		!strings.Contains(path, "//") &&
		strings.HasSuffix(pattern, "/") == strings.HasSuffix(path, "/")
}

// hostAllowed reports whether the request names this server, where that is asked for.
func (s *server) hostAllowed(host string) bool {
	return s.Hosts == nil || slices.ContainsFunc(s.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}
