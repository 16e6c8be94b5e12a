package endtoend

import (
	"database/sql"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"
)

// openDatabase opens a server's database beside the server, by its URL.
func openDatabase(url string) (*sql.DB, error) {
	if file, is := strings.CutPrefix(url, "sqlite:"); is {
		return sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
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
	return err
}

// leases: the leases of an identity server that is gone end.
func leases(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(endLeases(ts.Getenv("ID_DATABASE")))
}
