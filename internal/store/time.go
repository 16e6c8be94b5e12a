package store

import "time"

// Millis is a time as tables hold it: milliseconds since 1970, and 0 for the zero
// time, which stands for "not yet".
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time is the inverse of Millis.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
