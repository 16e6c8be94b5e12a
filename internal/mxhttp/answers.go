package mxhttp

import (
	"errors"

	"signet/internal/matrix"
)

// Answers is a table from what happened to what a client is told of it. What stands first
// counts.
type Answers []struct {
	Err    error
	Status int
	Code   matrix.ErrCode
}

// To is the answer to an error that the table knows. The client reads the text of the table's
// error, without what was wrapped around it.
func (t Answers) To(err error) (Problem, bool) {
	for _, a := range t {
		if errors.Is(err, a.Err) {
			return Problem{Status: a.Status, Code: a.Code, Message: a.Err.Error(), Err: a.Err}, true
		}
	}
	return Problem{}, false
}
