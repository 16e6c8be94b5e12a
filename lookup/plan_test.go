package lookup_test

import (
	"strings"
	"testing"

	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/lookup"
)

// What a user asks for, or has erased, is found without reading the whole feed.
func TestAUsersChangesAreFoundByTheirIndexes(t *testing.T) {
	each(t, func(s *story) {
		if s.DB.Engine() != store.SQLite {
			return // whose plans depend on how many rows there are
		}
		for _, statement := range lookup.UserStatements {
			plan := storetest.Plan(s.T, s.DB, statement, "@alice:example.org", []byte{})
			if strings.Contains(plan, "SCAN") {
				s.Errorf("%s\nreads the whole feed:\n%s", statement, plan)
			}
		}
	})
}
