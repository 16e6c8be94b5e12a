package store

import (
	"strconv"
	"strings"
)

// Parameters names n parameters of a statement from the first one on, as in $3, $4.
func Parameters(first, n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(names, ", ")
}

// RowParameters names the parameters of so many rows of so many columns, as in ($1, $2), ($3, $4).
func RowParameters(rows, columns int) string {
	all := make([]string, rows)
	for i := range all {
		all[i] = "(" + Parameters(1+i*columns, columns) + ")"
	}
	return strings.Join(all, ", ")
}
