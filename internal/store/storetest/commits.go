package storetest

import (
	"testing"

	"signet/internal/store"
)

// FailCommits makes every transaction that updates the table fail when it commits,
// as on a full disk, after all its statements have succeeded.
func FailCommits(t testing.TB, db *store.DB, table string) {
	t.Helper()
	if db.Engine() == store.SQLite {
		exec(t, db, `CREATE TABLE full_disk (n BIGINT NOT NULL PRIMARY KEY)`)
		exec(t, db, `CREATE TABLE full_disk_user (n BIGINT NOT NULL REFERENCES full_disk (n) DEFERRABLE INITIALLY DEFERRED)`)
		exec(t, db, `CREATE TRIGGER full_disk_trigger AFTER UPDATE ON `+table+` BEGIN INSERT INTO full_disk_user VALUES (1); END`)
		return
	}
	exec(t, db, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN RAISE EXCEPTION ''disk full'' USING ERRCODE = ''53100''; END'`)
	exec(t, db, `CREATE CONSTRAINT TRIGGER full_disk_trigger AFTER UPDATE ON `+table+`
		DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION full_disk()`)
}
