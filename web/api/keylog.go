package api

import (
	"context"

	"github.com/labstack/echo/v4"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/mxhttp"
	"signet/keys/log"
)

// keysPath is where the key directory is, and below logPath each of its logs is served as
// C2SP tlog-tiles says: anybody may read and copy them.
const (
	keysPath = "/_signet/v1/keys"
	logPath  = keysPath + "/log/:log"
)

// KeyLog is a log that is published, as *log.Log is.
type KeyLog interface {
	// Checkpoint is the newest. The error is log.ErrNotFound before the first.
	Checkpoint(ctx context.Context) (log.Checkpoint, error)
	// Tile never changes. The error is log.ErrNotFound for one beyond the checkpoint.
	Tile(ctx context.Context, t tlog.Tile) ([]byte, error)
}

// For how long what is served may be kept: a tile for ever, a checkpoint for the second in
// which there is hardly another.
const (
	keptForEver   = "public, max-age=31536000, immutable"
	keptForAWhile = "public, max-age=1"
)

// GET /_signet/v1/keys/log/{log}/checkpoint
func (a *API) logCheckpoint(c echo.Context) error {
	l, err := a.keyLog(c)
	if err != nil {
		return err
	}
	checkpoint, err := l.Checkpoint(c.Request().Context())
	if err != nil {
		return err
	}
	return mxhttp.ReplyBytes(c, echo.MIMETextPlainCharsetUTF8, keptForAWhile, checkpoint.Note)
}

// GET /_signet/v1/keys/log/{log}/tile/{L}/{N}[.p/{W}], and with "entries" for L
func (a *API) logTile(c echo.Context) error {
	l, err := a.keyLog(c)
	if err != nil {
		return err
	}
	tile, err := log.ParsePath("tile/" + c.Param("*"))
	if err != nil {
		return err
	}
	data, err := l.Tile(c.Request().Context(), tile)
	if err != nil {
		return err
	}
	return mxhttp.ReplyBytes(c, echo.MIMEOctetStream, keptForEver, data)
}

func (a *API) keyLog(c echo.Context) (KeyLog, error) {
	if l, served := a.Logs[c.Param("log")]; served {
		return l, nil
	}
	return nil, echo.ErrNotFound
}
