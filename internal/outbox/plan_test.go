package outbox_test

import (
	"strings"
	"testing"

	"signet/internal/outbox"
	"signet/internal/store/storetest"
)

// Workers look for due jobs every second, and do not pass those that have ended.
func TestDueJobsAreFoundByTheirIndex(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), []string{"outbox"})
	for _, statement := range outbox.DueStatements {
		plan := storetest.Plan(t, db, statement, "kind", 1, 2, 3)
		if !strings.Contains(plan, "USING INDEX outbox_due_by_kind (kind=? AND due_ms<?)") {
			t.Errorf("%s\nis done by\n%s", statement, plan)
		}
	}
}
