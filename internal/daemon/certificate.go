package daemon

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"

	"signet/internal/config"
)

// reloadInterval is how often, at most, the files of a certificate are looked at.
const reloadInterval = 10 * time.Second

// TLSConfig serves the certificate in the two files and takes up a renewed one
// without a restart: at a handshake, looking at the files at most every 10 s. A
// renewal that cannot be loaded is logged and the old certificate kept.
func TLSConfig(certFile, keyFile string, now func() time.Time, log *slog.Logger) (*tls.Config, error) {
	r := &reloader{files: config.TLS{Cert: certFile, Key: keyFile}, now: now, log: log}
	if err := r.load(r.stamps()); err != nil {
		return nil, err
	}
	r.checked = now()
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return r.current(), nil },
	}, nil
}

// reloader holds a certificate and the state of the files it came from.
type reloader struct {
	files config.TLS
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex // guards what follows: one handshake looks, the others wait for it
	pair    tls.Certificate
	loaded  [2]stamp
	checked time.Time
}

// stamp changes when a file is written or replaced.
type stamp struct {
	modified time.Time
	size     int64
}

func (r *reloader) current() *tls.Certificate {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); now.Sub(r.checked) >= reloadInterval {
		r.checked = now
		r.refresh()
	}
	pair := r.pair
	return &pair
}

func (r *reloader) refresh() {
	stamps := r.stamps()
	if stamps == r.loaded {
		return
	}
	// Half of a renewal may be on the disk; the next look finds the whole.
	if err := r.load(stamps); err != nil {
		r.log.Error("renewed certificate cannot be used, keeping the old one", "error", err)
		return
	}
	r.log.Info("renewed certificate loaded", "file", r.files.Cert)
}

func (r *reloader) load(stamps [2]stamp) error {
	pair, err := r.files.Load()
	if err != nil {
		return err
	}
	r.pair, r.loaded = pair, stamps
	return nil
}

// stamps is taken before the files are read: a file that changes in between is
// read again at the next look.
func (r *reloader) stamps() [2]stamp {
	var stamps [2]stamp
	for i, file := range []string{r.files.Cert, r.files.Key} {
		if info, err := os.Stat(file); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}
