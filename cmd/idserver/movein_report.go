package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"signet/lookup/movein"
)

// report is what an import has to say. It names rows, never what is in them.
type report struct {
	load        *movein.Load
	outcome     movein.Outcome
	invitations int // that the bindings accept
	written     bool
	allRows     bool
}

func printReport(out io.Writer, r report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	r.printRead(w)
	r.printLeft(w)
	r.printOutcome(w)
	if err := w.Flush(); err != nil {
		return err
	}
	last := "Nothing was written; with --write it is done."
	if r.written {
		last = "Done. The same command again would change nothing."
	}
	_, err := fmt.Fprintln(out, "\n"+last)
	return err
}

func (r report) printRead(w io.Writer) {
	l := r.load
	fmt.Fprintln(w, "READ\tROWS")
	fmt.Fprintf(w, "bindings that can move\t%d\n", len(l.Bindings))
	fmt.Fprintf(w, "accepted terms that can move\t%d\n", len(l.Accepted))
	fmt.Fprintf(w, "merged into them\t%d\n", l.Merged)
	fmt.Fprintf(w, "left\t%d\n", l.Read-len(l.Bindings)-len(l.Accepted)-l.Merged)
	fmt.Fprintf(w, "all\t%d\n", l.Read)
	if l.Capped > 0 {
		fmt.Fprintf(w, "of them from the future, now dated as the file\t%d\n", l.Capped)
	}
}

func (r report) printLeft(w io.Writer) {
	if len(r.load.Left)+len(r.load.Stays)+r.outcome.Terms.Unknown == 0 {
		return
	}
	fmt.Fprintln(w, "\nLEFT\tROWS\tWHICH")
	for _, why := range movein.Reasons {
		if places := r.load.Left[why]; len(places) > 0 {
			fmt.Fprintf(w, "%s\t%d\t%s\n", why, len(places), r.which(places))
		}
	}
	for _, s := range r.load.Stays {
		fmt.Fprintf(w, "%s: %s\t%d\t-\n", s.What, s.Why, s.Rows)
	}
	if n := r.outcome.Terms.Unknown; n > 0 {
		fmt.Fprintf(w, "accepted terms: of no document in our configuration\t%d\t-\n", n)
	}
}

// shownRows is how many rows of a kind are named without --all-rows.
const shownRows = 10

// which names the rows, table by table.
func (r report) which(places []movein.Place) string {
	var b strings.Builder
	table := ""
	for i, p := range places {
		if i == shownRows && !r.allRows {
			fmt.Fprintf(&b, " and %d more", len(places)-i)
			break
		}
		if p.Table != table {
			table = p.Table
			fmt.Fprintf(&b, " %s", table)
		}
		fmt.Fprintf(&b, " %d", p.Row)
	}
	return strings.TrimSpace(b.String())
}

func (r report) printOutcome(w io.Writer) {
	title := "WOULD BE"
	if r.written {
		title = "DONE"
	}
	b, t := r.outcome.Bindings, r.outcome.Terms
	fmt.Fprintf(w, "\n%s\tBINDINGS\tTERMS\n", title)
	fmt.Fprintf(w, "added\t%d\t%d\n", b.Added, t.Added)
	fmt.Fprintf(w, "put in place of an older one\t%d\t-\n", b.Replaced)
	fmt.Fprintf(w, "passed over for a newer one here\t%d\t-\n", b.Older)
	fmt.Fprintf(w, "here already\t%d\t%d\n", b.Same, t.Same)
	if r.invitations == 0 {
		return
	}
	what := "invitations that wait here and would be accepted"
	if r.written {
		what = "invitations accepted, of which their homeservers are told"
	}
	fmt.Fprintf(w, "\n%s\t%d\n", what, r.invitations)
}
