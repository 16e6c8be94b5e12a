package account

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
)

func TestHashMatchesItsPasswordOnly(t *testing.T) {
	h := newHasher(Options{Hashers: 1})
	hash, err := h.hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash.String(), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("a password is kept as %s", hash)
	}
	kept, err := parseHash(hash.String())
	if err != nil {
		t.Fatalf("parseHash(%q) = %v", hash, err)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horsf": false, "": false, "correct horse\x00": false} {
		if got, err := h.matches(t.Context(), kept, password); err != nil || got != want {
			t.Errorf("matches(%q) = %v, %v; want %v", password, got, err, want)
		}
	}
	if again, err := h.hash(t.Context(), "correct horse"); err != nil || again.String() == hash.String() {
		t.Errorf("two hashes of one password are equal, %v", err)
	}
}

// The test vector of the reference implementation's command line for the PHC
// format: Argon2id, version 19, 64 MiB, 2 passes, 1 lane.
func TestHashIsArgon2id(t *testing.T) {
	const text = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	kept, err := parseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	if right, err := newHasher(Options{Hashers: 1}).matches(t.Context(), kept, "password"); err != nil || !right {
		t.Errorf("matches = %v, %v; want true", right, err)
	}
}

func TestParseHashRefuses(t *testing.T) {
	const good = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if _, err := parseHash(good); err != nil {
		t.Fatalf("parseHash(%q) = %v", good, err)
	}
	replace := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, text := range []string{
		"", "$", "correct horse", good + "$", good + "=", " " + good,
		replace("argon2id", "argon2i"), replace("v=19", "v=16"),
		replace("m=19456", "m=019456"), replace("m=19456", "m=4294967296"), replace("m=19456", "m=2000000"), replace("m=19456", "m=-1"),
		replace("t=2", "t=0"), replace("t=2", "t=65"), replace("p=1", "p=0"), replace("p=1", "p=17"), replace("p=1", "p=256"),
		replace("p=1", "p=1,x=1"), replace("c29tZXNhbHQ", ""), replace("c29tZXNhbHQ", "c29t"), replace("CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "CTFh"),
	} {
		if _, err := parseHash(text); !errors.Is(err, errHash) {
			t.Errorf("parseHash(%q) = %v, want %v", text, err, errHash)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add(newHash(today).String())
	f.Add("$argon2id$v=19$m=1,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			return
		}
		if h.String() != text {
			t.Errorf("parseHash(%q) prints %q", text, h)
		}
		if !h.bearable() {
			t.Errorf("parseHash(%q) lets an unbearable cost through", text)
		}
	})
}

func TestHashersAreAFew(t *testing.T) {
	h := newHasher(Options{Hashers: 2})
	leave, err := h.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone, leaveEarly := context.WithCancel(t.Context())
	leaveEarly()
	if _, err := h.hash(gone, "correct horse"); !errors.Is(err, context.Canceled) {
		t.Errorf("the third of two hashers, for a client who left = %v, want %v", err, context.Canceled)
	}
	leave()
	if _, err := h.hash(t.Context(), "correct horse"); err != nil {
		t.Errorf("with a hasher free again: %v", err)
	}
}

func TestAttempts(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	var record attempts
	for failure := 1; failure <= 200; failure++ {
		var err error
		if record, err = record.charged(now); err != nil {
			t.Fatal(err)
		}
		wait := record.open.Sub(now)
		switch {
		case failure < freeAttempts && wait != 0:
			t.Errorf("failure %d costs %v", failure, wait)
		case failure >= freeAttempts && (wait < firstDelay || wait > longestDelay):
			t.Errorf("failure %d costs %v", failure, wait)
		}
		if wait > 0 {
			early := now.Add(wait - time.Millisecond)
			unchanged, err := record.charged(early)
			if limit, ok := errors.AsType[matrix.LimitExceeded](err); !ok || limit.RetryAfter != time.Millisecond || unchanged != record {
				t.Errorf("failure %d, a millisecond early: %v, %v", failure, unchanged, err)
			}
		}
		now = record.open
	}
	record, err := record.charged(now.Add(forgetAfter))
	if err != nil || record.failures != 1 {
		t.Errorf("an hour later: %d failures, %v; want 1", record.failures, err)
	}
}

// Whoever registered a name finds it again, however it is spelled.
func FuzzUserNames(f *testing.F) {
	for _, name := range []string{"alice", "Alice", "@alice:hs.test", "a:b", "\u212a", ""} {
		f.Add(name)
	}
	a := &Accounts{Options: Options{ServerName: "hs.test"}}
	f.Fuzz(func(t *testing.T, name string) {
		id, err := a.newUserID(&name)
		if err != nil {
			return
		}
		for _, typed := range []string{name, id.String(), id.Localpart(), "@" + name + ":hs.test"} {
			if found, ok := a.findUserID(typed); !ok || found != id {
				t.Errorf("registered %q as %q, but %q finds %q, %v", name, id, typed, found, ok)
			}
		}
	})
}
