package program

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"signet/internal/config"
	"signet/internal/daemon"
	"signet/internal/mxhttp"
)

// flushTimeout is how long the last traces may take to be sent.
const flushTimeout = 5 * time.Second

// Frame is what a server is built in.
type Frame struct {
	Env
	*Storage
	Config Config
	Log    *slog.Logger
	Tracer trace.TracerProvider
}

// Serve runs the process that build makes, over the storage that the configuration
// names and with the traces that the OTEL_* variables ask for, until env's context
// ends.
func (p Program) Serve(env Env, build func(Frame) (daemon.Process, error)) error {
	cfg, err := p.Load(env.ConfigFile)
	if err != nil {
		return err
	}
	storage, err := p.open(env, cfg)
	if err != nil {
		return err
	}
	f := Frame{Env: env, Storage: storage, Config: cfg, Log: daemon.NewLogger(env.Stderr, cfg.Shared().Log)}
	return errors.Join(p.traced(f, build), storage.Close())
}

// traced builds and runs the process, and sends the last traces when it has ended.
func (p Program) traced(f Frame, build func(Frame) (daemon.Process, error)) error {
	tracer, stop, err := daemon.StartTracing(f.Ctx, p.Name, daemon.Version(), f.Getenv)
	if err != nil {
		return err
	}
	defer func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(f.Ctx), flushTimeout)
		defer cancel()
		if err := stop(flush); err != nil {
			f.Log.Warn("the last traces were not sent", "error", err)
		}
	}()
	f.Tracer = tracer
	process, err := build(f)
	if err != nil {
		return err
	}
	process.Log, process.DrainTimeout = f.Log, f.Config.Shared().DrainTimeout
	return process.Run(f.Ctx)
}

// Listeners are those of a program: its own, and one for /metrics if it is
// configured, which speaks TLS like the API where strangers could reach it. Plain
// HTTP beyond this machine is for the proxies that are named.
func (f Frame) Listeners(api http.Handler, metrics *prometheus.Registry) ([]daemon.Listener, error) {
	cfg := f.Config.Shared()
	first := daemon.Listener{Name: "api", Addr: cfg.Listen, Handler: onlyProxies(cfg, api)}
	if cfg.TLS.Set() {
		var err error
		if first.TLS, err = daemon.TLSConfig(cfg.TLS.Cert, cfg.TLS.Key, f.Now, f.Log); err != nil {
			return nil, err
		}
	}
	if cfg.MetricsListen == "" {
		return []daemon.Listener{first}, nil
	}
	second := daemon.Listener{Name: "metrics", Addr: cfg.MetricsListen, Handler: metricsHandler(cfg, metrics)}
	if !config.Loopback(cfg.MetricsListen) {
		second.TLS = first.TLS
	}
	return []daemon.Listener{first, second}, nil
}

func metricsHandler(cfg *config.Common, metrics *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", daemon.Metrics(metrics))
	own := *cfg
	own.Listen = cfg.MetricsListen
	return onlyHosts(own.Hosts(), onlyProxies(cfg, mux))
}

// HealthRoutes are /healthz and /readyz.
func HealthRoutes(h *daemon.Health) []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: "/healthz", Handler: echo.WrapHandler(http.HandlerFunc(h.ServeAlive))},
		{Method: http.MethodGet, Path: "/readyz", Handler: echo.WrapHandler(http.HandlerFunc(h.ServeReady))},
	}
}
