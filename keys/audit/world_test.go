package audit_test

import (
	"context"
	"errors"
	"testing"

	"signet/keys/audit"
	"signet/keys/audit/audittest"
	"signet/keys/replay"
)

const origin = "id.example.org/users"

func auditorOf(l *audittest.Log, s audit.Source) *audit.Auditor {
	return audit.New(audit.Options{Source: s, Origin: l.Origin, Verifier: l.Verifier(), Contents: replay.Inserts})
}

// holds audits a log that keeps its promises.
func holds(t testing.TB, a *audit.Auditor) audit.Report {
	t.Helper()
	r, err := a.Audit(context.Background())
	if err != nil {
		t.Fatalf("a log that holds: %v", err)
	}
	return r
}

// lies audits a log that does not, and tells that nothing is remembered of it.
func lies(t testing.TB, a *audit.Auditor, position int64, promise audit.Promise) {
	t.Helper()
	before := a.Seen()
	_, err := a.Audit(context.Background())
	if l, is := errors.AsType[audit.Lie](err); !is || l.Position != position || l.Promise != promise {
		t.Errorf("the audit says %v, want entry %d to break %s", err, position, promise)
	}
	if after := a.Seen(); after.Tree != before.Tree {
		t.Errorf("the auditor remembers %d entries of a log that lies", after.N)
	}
}
