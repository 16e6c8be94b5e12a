package mxhttp

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts and times requests by route.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// buckets, in seconds, reach from a ping to a long poll.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newMetrics(reg prometheus.Registerer, namespace string) (*metrics, error) {
	requests, err := register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "http_requests_total",
		Help: "Requests answered, by route, method and status.",
	}, []string{"route", "method", "status"}))
	if err != nil {
		return nil, err
	}
	duration, err := register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "http_request_duration_seconds",
		Help: "Time from a request's header to the end of its answer.", Buckets: buckets,
	}, []string{"route", "method"}))
	if err != nil {
		return nil, err
	}
	return &metrics{requests: requests, duration: duration}, nil
}

// register returns the collector that reg has under this name already, for the
// second server of a program, or else the new one.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	err := reg.Register(c)
	if taken, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if old, ok := taken.ExistingCollector.(C); ok {
			return old, nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("registering the metrics of HTTP requests: %w", err)
	}
	return c, nil
}

func (m *metrics) observe(e event) {
	m.requests.WithLabelValues(e.route, e.method, strconv.Itoa(e.status)).Inc()
	m.duration.WithLabelValues(e.route, e.method).Observe(e.took.Seconds())
}
