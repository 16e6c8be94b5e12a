package ladder

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// MaxRungs is the length of the longest ladder, that of a version of 32 bits.
const MaxRungs = 64

// ErrRungs is the error of a ladder that is not what its claim asks for: a rung is
// hidden, added, out of order, or present or absent against the claim.
var ErrRungs = errors.New("the ladder does not show the claimed version")

// Rung is a version that was looked up, and whether it is there.
type Rung struct {
	Version uint32
	Present bool
}

// Versions lists the rungs that show n to be the greatest version, in the order in
// which a proof has them: at least 2, at most MaxRungs. The greatest version of all is
// 2^32-1; rungs beyond it are left out, as if they were absent.
func Versions(n uint32) []uint32 {
	rungs := make([]uint32, 0, 2*bits.Len32(n)+2)
	low, high := uint64(0), uint64(0) // one past 32 bits, high has 33
	for ; high <= uint64(n); high = 2*high + 1 {
		low = high
		rungs = append(rungs, uint32(high))
	}
	rungs = appendVersion(rungs, high)
	for low+1 < high {
		middle := (low + high) / 2
		rungs = appendVersion(rungs, middle)
		if middle <= uint64(n) {
			low = middle
		} else {
			high = middle
		}
	}
	return rungs
}

// appendVersion appends v, unless no version is so great.
func appendVersion(rungs []uint32, v uint64) []uint32 {
	if v > math.MaxUint32 {
		return rungs
	}
	return append(rungs, uint32(v))
}

// Check tells whether a proof's rungs show that n is the greatest version: they are
// the ladder of n, whole and in its order, and present up to n and no further. The
// error is ErrRungs, with the place of the first wrong rung.
func Check(n uint32, rungs []Rung) error {
	return check(Versions(n), rungs, func(v uint32) bool { return v <= n })
}

// NoVersions lists the one rung that shows a label to have no version at all.
func NoVersions() []uint32 { return []uint32{0} }

// CheckNone is Check for the claim that there is no version at all.
func CheckNone(rungs []Rung) error {
	return check(NoVersions(), rungs, func(uint32) bool { return false })
}

func check(versions []uint32, rungs []Rung, present func(uint32) bool) error {
	if len(rungs) != len(versions) {
		return fmt.Errorf("%w: it has %d rungs, not %d", ErrRungs, len(rungs), len(versions))
	}
	for i, r := range rungs {
		if want := (Rung{versions[i], present(versions[i])}); r != want {
			return fmt.Errorf("%w: rung %d is %v, not %v", ErrRungs, i, r, want)
		}
	}
	return nil
}

// String is the version and what is said of it, such as "3 present".
func (r Rung) String() string {
	if r.Present {
		return fmt.Sprint(r.Version, " present")
	}
	return fmt.Sprint(r.Version, " absent")
}
