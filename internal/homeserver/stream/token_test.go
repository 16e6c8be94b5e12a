package stream_test

import (
	"errors"
	"math"
	"testing"

	"signet/internal/homeserver/stream"
)

func TestTokens(t *testing.T) {
	for text, want := range map[string]stream.Token{
		"s0": {}, "s12": {12, 12}, "s12_7": {12, 7}, "s12_0": {12, 0}, "s9223372036854775807": {math.MaxInt64, math.MaxInt64},
	} {
		if got, err := stream.ParseToken(text); err != nil || got != want || got.String() != text {
			t.Errorf("ParseToken(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "s", "12", "t12", "s-1", "s+1", "s01", "s1_", "s_1", "s1_1", "s1_2", "s5_-1", "s5_04", "s1_0_0", " s1", "s1 ", "s١",
		"s9223372036854775808", "S1", "s1\x00", "s1.0"} {
		if got, err := stream.ParseToken(text); !errors.Is(err, stream.ErrToken) {
			t.Errorf("ParseToken(%q) = %v, %v, want ErrToken", text, got, err)
		}
	}
}

// A token is written in one way alone.
func FuzzParseToken(f *testing.F) {
	for _, text := range []string{"s0", "s12_7", "s1_1", "s01", "t7_9", "s-4", "s9223372036854775807_1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := stream.ParseToken(text)
		if err != nil {
			return
		}
		if token.String() != text || token.Pos < 0 || token.Messages < 0 || token.Messages > token.Pos {
			t.Errorf("ParseToken(%q) = %+v, which is %q", text, token, token)
		}
	})
}
