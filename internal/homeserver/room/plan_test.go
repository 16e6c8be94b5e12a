package room

import (
	"strconv"
	"strings"
	"testing"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// No read looks through all events, or through all of a room's.
func TestPlans(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), []string{"stream", "room"})
	for name, condition := range map[string]string{
		"by id":         whereID,
		"by position":   wherePos,
		"a timeline":    whereBetween + ` ORDER BY e.pos DESC LIMIT $4`,
		"beside it":     whereAside + ` ORDER BY e.place DESC LIMIT $4`,
		"state, now":    whereStateNow,
		"older state":   whereStateUpTo,
		"state, then":   whereStateThen,
		"a state delta": whereDelta,
		"one, then":     whereOneThen,
		"a time":        whereLater,
	} {
		plan := storetest.Plan(t, db, storedEvents+condition, make([]any, parameters(condition))...)
		if strings.Contains(plan, "SCAN") || name == "older state" && strings.Contains(plan, "pos<") {
			t.Errorf("%s:\n%s", name, plan)
		}
		t.Logf("%s:\n%s", name, plan)
	}
}

// Nor does what is read of several rooms together, and nothing of it is sorted.
func TestPlansOfSomeRooms(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), []string{"stream", "room"})
	for _, n := range []int{1, 2, roomsAtOnce} {
		g := readings{}
		for i := range n {
			g[int64(i)] = newReading(new(Room))
		}
		for name, q := range map[string]store.Question{"summaries": g.summaries(), "states": g.states(), "readers": g.readers(1)} {
			plan := storetest.Plan(t, db, q.Query, q.Args...)
			if len(q.Args) > 3+roomsAtOnce || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("%s of %d rooms, with %d parameters:\n%s", name, n, len(q.Args), plan)
			}
			t.Logf("%s:\n%s", name, plan)
		}
	}
}

// parameters is how many parameters a statement has.
func parameters(statement string) (n int) {
	for i := 1; strings.Contains(statement, "$"+strconv.Itoa(i)); i++ {
		n = i
	}
	return n
}
