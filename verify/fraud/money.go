package fraud

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Money is an amount in millionths of a unit of whatever currency the operator counts
// in: what one text message costs has four decimals.
type Money int64

const (
	decimals       = 6
	unit     Money = 1_000_000
	// maxMoney keeps a hundred times any amount within 64 bits.
	maxMoney = 1_000_000_000 * unit
)

// ErrMoney is the error of text that is not an amount.
var ErrMoney = errors.New("not an amount of money: digits such as 12 or 0.0475, with six decimals and a billion at most")

// ParseMoney reads an amount such as 12 or 0.0475: digits, and after a point one to
// six more. The error is ErrMoney.
func ParseMoney(s string) (Money, error) {
	whole, fraction, pointed := strings.Cut(s, ".")
	if !digits(whole) || pointed && !digits(fraction) || len(fraction) > decimals {
		return 0, ErrMoney
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	if err != nil || Money(n) > maxMoney {
		return 0, ErrMoney
	}
	return Money(n), nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// String writes an amount with as many decimals as it needs; ParseMoney is its inverse.
func (m Money) String() string {
	sign, n := "", uint64(m)
	if m < 0 {
		sign, n = "-", -n
	}
	s := fmt.Sprintf("%s%d.%0*d", sign, n/uint64(unit), decimals, n%uint64(unit))
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
