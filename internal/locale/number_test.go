package locale

import (
	"testing"

	"golang.org/x/text/number"
)

// What is written without a printer is what a printer writes.
func TestNumbersNeedNoPrinter(t *testing.T) {
	for _, l := range Languages() {
		for n := int64(-1100); n <= 1100; n++ {
			if got, want := l.number(n), printers[l].Sprint(number.Decimal(n)); got != want {
				t.Errorf("%v: %d is %q, want %q", l, n, got, want)
			}
		}
	}
}
