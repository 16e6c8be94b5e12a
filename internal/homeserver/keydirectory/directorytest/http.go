package directorytest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// Serve is a directory that answers over HTTP on this machine, as an identity server does, which
// has nothing else. It is named for its address.
func Serve(t testing.TB, seed string, now func() time.Time) (d *Directory, url string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	d = New(t, matrix.ServerName(s.Listener.Addr().String()), seed, now)
	s.Config.Handler = d.handler()
	s.Start()
	t.Cleanup(s.Close)
	return d, s.URL
}

func (d *Directory) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_signet/v1/keys/config", func(w http.ResponseWriter, r *http.Request) {
		reply(w)(d.KeyConfig(r.Context(), d.Server()))
	})
	mux.HandleFunc("POST /_signet/v1/keys/lookup", func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Label    string `json:"label"`
			LastSize int64  `json:"last_size"`
		}
		if err := json.UnmarshalRead(r.Body, &asked); err != nil {
			reply(w)(nil, fedclient.Refusal{Status: http.StatusBadRequest, Errcode: matrix.NotJSON})
			return
		}
		reply(w)(d.LookupKeys(r.Context(), d.Server(), asked.Label, asked.LastSize))
	})
	mux.HandleFunc("POST /_matrix/key/v2/query", func(w http.ResponseWriter, r *http.Request) { d.serveQuery(w, r) })
	mux.HandleFunc("GET /_signet/v1/keys/servers/{server}", func(w http.ResponseWriter, r *http.Request) {
		before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
		reply(w)(d.ServerRecords(r.Context(), d.Server(), matrix.ServerName(r.PathValue("server")), before))
	})
	mux.HandleFunc("GET /_signet/v1/keys/log/{log}/checkpoint", func(w http.ResponseWriter, r *http.Request) {
		reply(w)(d.KeyLogCheckpoint(r.Context(), d.Server(), r.PathValue("log")))
	})
	mux.HandleFunc("GET /_signet/v1/keys/log/{log}/{path...}", func(w http.ResponseWriter, r *http.Request) {
		reply(w)(d.KeyLogTile(r.Context(), d.Server(), r.PathValue("log"), r.PathValue("path")))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		reply(w)(nil, fedclient.Refusal{Status: http.StatusNotFound, Errcode: matrix.Unrecognized})
	})
	return mux
}

func (d *Directory) serveQuery(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Servers map[matrix.ServerName]map[matrix.KeyID]struct {
			Until int64 `json:"minimum_valid_until_ts"`
		} `json:"server_keys"`
	}
	if err := json.UnmarshalRead(r.Body, &asked); err != nil || len(asked.Servers) != 1 {
		reply(w)(nil, fedclient.Refusal{Status: http.StatusBadRequest, Errcode: matrix.NotJSON})
		return
	}
	var q idclient.KeyQuery
	for server, keys := range asked.Servers {
		q.Server = server
		for id, criteria := range keys {
			q.ID, q.Until = id, time.UnixMilli(criteria.Until)
		}
	}
	documents, err := d.QueryServerKeys(r.Context(), d.Server(), q)
	reply(w)(d.marshal(map[string]any{"server_keys": documents}), err)
}

// reply answers what a method of Directory does.
func reply(w http.ResponseWriter) func(answer []byte, err error) {
	return func(answer []byte, err error) {
		if err == nil {
			_, _ = w.Write(answer)
			return
		}
		refusal, is := errors.AsType[fedclient.Refusal](err)
		if !is {
			refusal = fedclient.Refusal{Status: http.StatusBadGateway, Errcode: matrix.Unknown}
		}
		w.WriteHeader(refusal.Status)
		_ = json.MarshalWrite(w, map[string]any{"errcode": refusal.Errcode, "error": "refused"})
	}
}
