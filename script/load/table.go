package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// row is a line of the table.
type row struct {
	name string
	bar  string // what is to be reached
	peer string // what another identity server reached
	figures
	per  time.Duration // in place of figures, for what the Go benchmarks measure
	by   *figures      // what the figures are divided by, if they are ratios
	note string        // why there are no figures
}

func table(rows []row) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "MEASUREMENT\tBAR\tPEER\tRATE\tP50\tP99\tRSS\tCPU EACH\tSERVER CPU\tCLIENT CPU\tOTHERS\t")
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r.cells(), "\t")+"\t")
	}
	_ = w.Flush() // a strings.Builder takes everything
	for _, r := range rows {
		if r.note != "" {
			fmt.Fprintf(&text, "%s was not measured: %s\n", r.name, r.note)
		}
	}
	return text.String()
}

func (r row) cells() []string {
	cells := []string{r.name, or(r.bar), or(r.peer)}
	switch {
	case r.note != "":
		return append(cells, "-", "-", "-", "-", "-", "-", "-", "-")
	case r.per > 0:
		return append(cells, "-", brief(r.per), "-", "-", "-", "-", "-", "-")
	case r.by != nil:
		return append(cells, times(r.rate, r.by.rate), times(r.p50, r.by.p50), times(r.p99, r.by.p99),
			times(r.residentKB, r.by.residentKB), times(r.each, r.by.each), "-", "-", "-")
	}
	return append(cells, unless(r.rate == 0, thousands(r.rate)+"/s"), unless(r.p50 == 0, brief(r.p50)), unless(r.p99 == 0, brief(r.p99)),
		unless(r.residentKB == 0, megabytes(r.residentKB)), unless(r.each == 0, brief(r.each)),
		processors(r.server), processors(r.client), processors(r.others))
}

// times is how many times as much the one is as the other.
func times[N interface{ ~int | ~int64 | ~float64 }](one, other N) string {
	if one == 0 || other == 0 {
		return "-"
	}
	ratio := float64(one) / float64(other)
	if ratio >= 999.5 {
		return thousands(ratio) + "×"
	}
	return strconv.FormatFloat(ratio, 'g', 3, 64) + "×"
}

// unless is nothing for what was not measured.
func unless(missing bool, text string) string {
	if missing {
		return "-"
	}
	return text
}

func or(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// brief writes a time in three digits, which is more than it is exact to.
func brief(d time.Duration) string {
	unit, name := time.Microsecond, "µs"
	if d >= time.Millisecond {
		unit, name = time.Millisecond, "ms"
	}
	if d >= time.Second {
		unit, name = time.Second, "s"
	}
	v := float64(d) / float64(unit)
	decimals := 2
	switch {
	case v >= 99.95:
		decimals = 0
	case v >= 9.995:
		decimals = 1
	}
	return strconv.FormatFloat(v, 'f', decimals, 64) + " " + name
}

// thousands writes a rate with a comma between each three digits; a low one with a
// decimal.
func thousands(rate float64) string {
	if rate < 99.95 {
		return strconv.FormatFloat(rate, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(rate, 'f', 0, 64)
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, parts...), ",")
}

func megabytes(kb int) string { return strconv.Itoa((kb+512)/1024) + " MiB" }

func processors(n float64) string { return strconv.FormatFloat(n, 'f', 2, 64) }
