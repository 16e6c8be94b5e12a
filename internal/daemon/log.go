package daemon

import (
	"io"
	"log/slog"

	"signet/internal/config"
)

// NewLogger makes the logger of a program, as text or as JSON, one record a
// line. A level that is unknown means info; the configuration refuses it earlier.
func NewLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
