package endtoend

import (
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"signet/internal/store/storetest"
	"signet/migrations"
)

// engine makes databases that have all tables: migrations take longer than most stories. What
// programs do with an empty database is told by the demo, and by replicas that start together.
type engine func(t testing.TB, owners []string) (url string)

var (
	sqlite   engine = storetest.LaidOutFile
	postgres engine = storetest.LaidOut
)

// idserver is the URL of a database for an identity server.
func (e engine) idserver(t testing.TB) string {
	t.Helper()
	return e(t, migrations.IDServer)
}

// homeserver is the URL of a database for a homeserver.
func (e engine) homeserver(t testing.TB) string {
	t.Helper()
	return e(t, migrations.HomeServer)
}

// engineOf is the engine of a database.
func engineOf(url string) engine {
	if strings.HasPrefix(url, "sqlite:") {
		return sqlite
	}
	return postgres
}

// onEach tells a story on each engine at hand.
func onEach(t *testing.T, tell func(t *testing.T, e engine)) {
	t.Run("sqlite", func(t *testing.T) { tell(t, sqlite) })
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv(storetest.PostgresURL) == "" {
			t.Skip(storetest.PostgresURL + " names no server")
		}
		tell(t, postgres)
	})
}

// openDatabase opens a server's database beside the server, by its URL.
func openDatabase(url string) (*sql.DB, error) {
	if file, is := strings.CutPrefix(url, "sqlite:"); is {
		return sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(60000)")
	}
	return sql.Open("pgx", url)
}

// endLeases lets the time pass in which nobody takes over from a process that is gone.
func endLeases(url string) error {
	db, err := openDatabase(url)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(`UPDATE log_leases SET until_ms = 0`)
	_, outbox := db.Exec(`UPDATE outbox_jobs SET lease_until_ms = 0`)
	return errors.Join(err, outbox)
}

// leases: the leases of an identity server that is gone end.
func leases(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(endLeases(ts.Getenv("ID_DATABASE")))
}
