package outbox

// For tests from outside.
var (
	Sweep         = (*Outbox).sweep
	DueStatements = []string{findDue, leaseDue}
)
