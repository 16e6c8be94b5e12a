package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// ErrTracing is the error of OTEL_* variables that ask for what is not built in.
var ErrTracing = errors.New("traces go out as OTLP over HTTP only")

// StartTracing makes the tracer provider that the standard OTEL_* variables ask
// for; without them it does nothing and costs nothing. Shutdown sends what is
// still waiting. The exporter reads its own settings (endpoint, headers, sampler)
// from the process's environment.
func StartTracing(ctx context.Context, service, version string, getenv func(string) string) (provider trace.TracerProvider, shutdown func(context.Context) error, err error) {
	wanted, err := tracingWanted(getenv)
	if err != nil {
		return nil, nil, fmt.Errorf("starting traces: %w", err)
	}
	if !wanted {
		return noop.NewTracerProvider(), func(context.Context) error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("starting traces: %w", err)
	}
	// The environment comes last, so that OTEL_SERVICE_NAME wins.
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", service), attribute.String("service.version", version),
	), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("starting traces: %w", err)
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return p, p.Shutdown, nil
}

// tracingWanted follows the OpenTelemetry specification's environment variables:
// an endpoint alone is a wish for traces too.
func tracingWanted(getenv func(string) string) (bool, error) {
	exporter := getenv("OTEL_TRACES_EXPORTER")
	endpoint := getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	switch {
	case getenv("OTEL_SDK_DISABLED") == "true", exporter == "none":
		return false, nil
	case exporter == "" && endpoint == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER=%s: %w", exporter, ErrTracing)
	}
	protocol := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), getenv("OTEL_EXPORTER_OTLP_PROTOCOL"))
	if protocol != "" && protocol != "http/protobuf" {
		return false, fmt.Errorf("OTLP protocol %s: %w", protocol, ErrTracing)
	}
	return true, nil
}
