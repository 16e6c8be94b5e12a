package captcha_test

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"signet/internal/seal"
	"signet/internal/store/storetest"
	"signet/verify/captcha"
)

func bench(b *testing.B) *captcha.Captcha {
	b.Helper()
	keyFile := filepath.Join(b.TempDir(), "kek")
	if _, err := seal.CreateKEK(keyFile, rand.Reader); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return replica(b, storetest.Open(b, storetest.SQLite(b), owners), keyFile, time.Now)
}

func openFor(b *testing.B, c *captcha.Captcha, subject string) captcha.Challenge {
	b.Helper()
	opened, err := c.Open(b.Context(), []byte(subject))
	if err != nil {
		b.Fatal(err)
	}
	return opened
}

// BenchmarkOpen is a new challenge: a drawing and a commit.
func BenchmarkOpen(b *testing.B) {
	c := bench(b)
	for i := 0; b.Loop(); i++ {
		openFor(b, c, fmt.Sprint(i))
	}
}

// BenchmarkOpenAgain is a request that is sent again: one read.
func BenchmarkOpenAgain(b *testing.B) {
	c := bench(b)
	openFor(b, c, "subject")
	for b.Loop() {
		openFor(b, c, "subject")
	}
}

// BenchmarkPass is one wrong guess, which costs a commit like the right one.
func BenchmarkPass(b *testing.B) {
	c := bench(b)
	var opened captcha.Challenge
	for i := 0; b.Loop(); i++ {
		if i%5 == 0 {
			b.StopTimer()
			opened = openFor(b, c, fmt.Sprint(i))
			b.StartTimer()
		}
		guess := "000000"
		if c.Answer(opened.ID) == guess {
			guess = "111111"
		}
		if err := c.Pass(b.Context(), opened.ID, guess); err == nil {
			b.Fatal("a wrong guess is right")
		}
	}
}

// BenchmarkPassDead is a guess at a dead challenge, of which floods are made.
func BenchmarkPassDead(b *testing.B) {
	c := bench(b)
	opened := openFor(b, c, "subject")
	for range 5 {
		_ = c.Pass(b.Context(), opened.ID, fmt.Sprintf("%06d", 1))
	}
	for b.Loop() {
		if err := c.Pass(b.Context(), opened.ID, "000002"); err == nil {
			b.Fatal("a dead challenge is passed")
		}
	}
}

// BenchmarkImage is one look at a picture.
func BenchmarkImage(b *testing.B) {
	c := bench(b)
	opened := openFor(b, c, "subject")
	for b.Loop() {
		if _, err := c.Image(b.Context(), opened.ID); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAudio is one reading: a commit and a drawing.
func BenchmarkAudio(b *testing.B) {
	c := bench(b)
	var opened captcha.Challenge
	for i := 0; b.Loop(); i++ {
		if i%5 == 0 {
			b.StopTimer()
			opened = openFor(b, c, fmt.Sprint(i))
			b.StartTimer()
		}
		if _, err := c.Audio(b.Context(), opened.ID, "en"); err != nil {
			b.Fatal(err)
		}
	}
}
