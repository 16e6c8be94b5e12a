package captcha_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"regexp"
	"testing"

	"signet/verify/captcha"
)

// Of all octets, each digit is made by 25.
func TestEveryDigitIsEquallyLikely(t *testing.T) {
	var made [10]int
	for b := range 256 {
		used := 0
		digits := captcha.DigitsFrom(func(block int) []byte {
			if block == 0 {
				return []byte{byte(b)}
			}
			used = block
			return []byte{0}
		})
		if len(digits) != 6 {
			t.Fatalf("%d digits", len(digits))
		}
		if used == 5 { // five more octets: this one made a digit
			made[digits[0]]++
		}
	}
	for digit, n := range made {
		if n != 25 {
			t.Errorf("%d octets make the digit %d, want 25", n, digit)
		}
	}
}

func TestDigitsTakeAsManyBlocksAsTheyNeed(t *testing.T) {
	blocks := [][]byte{bytes.Repeat([]byte{255}, 32), {250, 7, 251, 18}, {}, {249, 0, 255, 31, 42, 1, 1}}
	got := captcha.DigitsFrom(func(block int) []byte { return blocks[block] })
	if want := []byte{7, 8, 9, 0, 1, 2}; !bytes.Equal(got, want) {
		t.Errorf("digits %v, want %v", got, want)
	}
}

// In 20,000 answers every digit stands at every place about as often as any other
// (chi-square of 9 degrees of freedom: above 60 once in a thousand million), and answers
// do not repeat more than chance has it.
func TestAnswersAreSpreadEvenly(t *testing.T) {
	each(t, func(w *world) {
		const n = 20_000
		form := regexp.MustCompile(`^[0-9]{6}$`)
		var seen [6][10]float64
		distinct := map[string]bool{}
		for i := range n {
			answer := w.a.Answer(fmt.Sprint("challenge ", i))
			if !form.MatchString(answer) {
				w.Fatalf("the answer %q", answer)
			}
			distinct[answer] = true
			for place, digit := range []byte(answer) {
				seen[place][digit-'0']++
			}
		}
		for place, counts := range seen {
			chi := 0.0
			for _, count := range counts {
				chi += (count - n/10) * (count - n/10) / (n / 10)
			}
			if chi > 60 {
				w.Errorf("digits at place %d: %v, chi-square %.1f", place, counts, chi)
			}
		}
		if len(distinct) < n-400 { // 199 are expected to repeat
			w.Errorf("%d answers in %d challenges", len(distinct), n)
		}
	})
}

func TestEveryReplicaKnowsTheSameAnswers(t *testing.T) {
	each(t, func(w *world) {
		for range 100 {
			if id := rand.Text(); w.a.Answer(id) != w.b.Answer(id) {
				w.Errorf("the answer to %s is %s here and %s there", id, w.a.Answer(id), w.b.Answer(id))
			}
		}
	})
}
