package matrix_test

import (
	"errors"
	"strings"
	"testing"

	"signet/internal/matrix"
)

func TestParseRoomID(t *testing.T) {
	for _, good := range []string{"!a:example.org", "!a:example.org:8448", "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM", "!ü@x:[::1]:80", "!a:b"} {
		if got, err := matrix.ParseRoomID(good); err != nil || got.String() != good {
			t.Errorf("ParseRoomID(%q) = %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{"", "!", "!:example.org", "a:example.org", "#a:example.org", "@a:example.org", "!a:", "!a:b c", "!a b:example.org",
		"!a\n:example.org", "!a:Example.org", "!a:example.org:0", "!\xff:example.org", "!" + strings.Repeat("a", 255)} {
		if got, err := matrix.ParseRoomID(bad); !errors.Is(err, matrix.ErrRoomID) {
			t.Errorf("ParseRoomID(%q) = %q, %v", bad, got, err)
		}
	}
}

func TestReadable(t *testing.T) {
	for user, want := range map[matrix.UserID]string{
		"": "", "@alice:example.org": "@alice:example.org", "@Your Account!:evil.example": "@…:evil.example",
	} {
		if got := user.Readable(); got != want {
			t.Errorf("Readable of %q = %q, want %q", user, got, want)
		}
	}
}
