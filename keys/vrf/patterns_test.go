package vrf_test

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"testing"

	"signet/keys/vrf"
)

const sample = 1024

// indices are the first 32 octets of outputs, as they stand in a log.
func indices(t *testing.T, seed byte, alpha func(i int) string) [][]byte {
	t.Helper()
	key, err := vrf.NewPrivateKey(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	all := make([][]byte, sample)
	for i := range all {
		output := key.Output([]byte(alpha(i)))
		all[i] = output[:32]
	}
	return all
}

func ofOneLabel(i int) string   { return fmt.Sprintf("\x17email:alice@example.org%08x", i) }
func ofManyLabels(i int) string { return fmt.Sprintf("\x1aemail:%08x@example.org%08x", i, 0) }

// Who reads a log cannot tell one label that changes all the time from many that never do: of
// either, each bit of an index is set as often as not, whatever the other bits are.
func TestAPatternOfUpdatesDoesNotShow(t *testing.T) {
	for name, alpha := range map[string]func(int) string{"one busy label": ofOneLabel, "many labels": ofManyLabels} {
		all := indices(t, 1, alpha)
		for what, pairs := range map[string][][]byte{"bits": all, "bits that change from one to the next": differences(all)} {
			if z := chiSquare(pairs); math.Abs(z) > 5 {
				t.Errorf("%s: the %s deviate by %.1f standard deviations", name, what, z)
			}
		}
	}
}

// Who guesses addresses finds none without the key: the indices of a dictionary under another
// key say nothing of those in the log.
func TestADictionaryFindsNothing(t *testing.T) {
	logged, guessed := indices(t, 1, ofManyLabels), indices(t, 2, ofManyLabels)
	apart := make([][]byte, sample)
	for i := range apart {
		apart[i] = xor(logged[i], guessed[i])
	}
	if z := chiSquare(apart); math.Abs(z) > 5 {
		t.Errorf("what two keys make of a label is related: %.1f standard deviations", z)
	}
}

func differences(all [][]byte) (apart [][]byte) {
	for i := range all[1:] {
		apart = append(apart, xor(all[i], all[i+1]))
	}
	return apart
}

func xor(a, b []byte) []byte {
	apart := make([]byte, len(a))
	for i := range a {
		apart[i] = a[i] ^ b[i]
	}
	return apart
}

// chiSquare holds how often each of 256 bits is set, and how many are set in each index,
// against chance. It returns the greater deviation, in standard deviations of Pearson's
// statistic.
func chiSquare(all [][]byte) float64 {
	var set [256]int
	byBit, byIndex, n := 0.0, 0.0, float64(len(all))
	for _, index := range all {
		weight := 0
		for i, octet := range index {
			weight += bits.OnesCount8(octet)
			for b := range 8 {
				set[8*i+b] += int(octet >> b & 1)
			}
		}
		byIndex += square(float64(weight)-128) / 64
	}
	for _, count := range set {
		byBit += square(float64(count)-n/2) / (n / 4)
	}
	return max(math.Abs(byBit-256)/math.Sqrt(2*256), math.Abs(byIndex-n)/math.Sqrt(2*n))
}

func square(x float64) float64 { return x * x }
