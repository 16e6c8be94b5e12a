package mxhttp

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// startSpan joins the trace that the client names in traceparent, or begins one.
func (x *exchange) startSpan(r *http.Request) context.Context {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, x.span = x.server.tracer.Start(ctx, methodLabel(r.Method), trace.WithSpanKind(trace.SpanKindServer))
	return ctx
}

// endSpan names the span by the route, which was not known when it began.
func (x *exchange) endSpan(e event) {
	x.span.SetAttributes(
		attribute.String("http.request.method", e.method),
		attribute.Int("http.response.status_code", e.status))
	if e.route != unmatched {
		x.span.SetName(e.method + " " + e.route)
		x.span.SetAttributes(attribute.String("http.route", e.route))
	}
	if e.status >= http.StatusInternalServerError {
		x.span.SetStatus(codes.Error, "")
	}
	x.span.End()
}
