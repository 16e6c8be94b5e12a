package mxhttp

import (
	"errors"
	"strconv"
	"strings"
)

// Integer is a whole number in a request. Clients in the field write some as strings, such as
// matrix-js-sdk the send_attempt that it has for identity servers: "1" is 1.
type Integer int64

var errInteger = errors.New("not a whole number of 64 bits")

// UnmarshalJSON reads a number, or a string of its digits.
func (i *Integer) UnmarshalJSON(b []byte) error {
	text := string(b)
	if text == "null" { // as if it were not there
		*i = 0
		return nil
	}
	if strings.HasPrefix(text, `"`) {
		text = strings.Trim(text, `"`)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strings.HasPrefix(text, "+") {
		return errInteger
	}
	*i = Integer(n)
	return nil
}
