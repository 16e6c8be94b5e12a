package program

import (
	"context"
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

// Traced runs serve with the traces that the OTEL_* variables ask for, and sends the
// last of them when it ends.
func (p Program) Traced(env Env, log *slog.Logger, serve func(trace.TracerProvider) error) error {
	tracer, stop, err := daemon.StartTracing(env.Ctx, p.Name, daemon.Version(), env.Getenv)
	if err != nil {
		return err
	}
	defer func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(env.Ctx), flushTimeout)
		defer cancel()
		if err := stop(flush); err != nil {
			log.Warn("the last traces were not sent", "error", err)
		}
	}()
	return serve(tracer)
}

// Listeners are those of a program: its own, and one for /metrics if it is
// configured, which speaks TLS like the API where strangers could reach it. Plain
// HTTP beyond this machine is for the proxies that are named.
func Listeners(env Env, cfg *config.Common, log *slog.Logger, api http.Handler, metrics *prometheus.Registry) ([]daemon.Listener, error) {
	first := daemon.Listener{Name: "api", Addr: cfg.Listen, Handler: onlyProxies(cfg, api)}
	if cfg.TLS.Set() {
		var err error
		if first.TLS, err = daemon.TLSConfig(cfg.TLS.Cert, cfg.TLS.Key, env.Now, log); err != nil {
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
