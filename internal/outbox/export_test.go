package outbox

// For tests from outside.
var DueStatements = []string{findDue, leaseDue}
