package caller_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/store"
)

func (s *story) block(server matrix.ServerName, until time.Time) {
	s.Helper()
	if _, err := s.Block(s.Context(), server, "it sends spam", until); err != nil {
		s.Fatal(err)
	}
}

// calls tries every way in for example.org, with its user's token.
func (s *story) calls(when, token string, want error) {
	s.Helper()
	s.homeserver.keys, s.homeserver.asked = 0, nil
	_, account := s.Account(s.Context(), token)
	_, registers := s.Register(s.Context(), openID)
	_, signs := s.Homeserver(s.Context(), s.sign(matrix.SignedRequest{Method: "GET", URI: "/x", Origin: "example.org", Destination: "id.example.org"}, nil))
	port := matrix.SignedRequest{Method: "GET", URI: "/x", Origin: "example.org:8448", Destination: "id.example.org"}
	_, signsAtPort := s.Homeserver(s.Context(), s.sign(port, nil))
	for way, err := range map[string]error{"Account": account, "Register": registers, "Homeserver": signs, "Homeserver with a port": signsAtPort} {
		if !errors.Is(err, want) {
			s.Errorf("%s: %s = %v, want %v", when, way, err, want)
		}
	}
	if asked := s.homeserver.keys + len(s.homeserver.asked); want != nil && asked != 0 {
		s.Errorf("%s: the homeserver was asked %d times", when, asked)
	}
}

func TestABlockedHomeserver(t *testing.T) {
	each(t, func(s *story) {
		token := s.register()
		s.calls("before", token, nil)
		s.block("evil.example", time.Time{})
		s.block("sub.example.org", time.Time{})
		s.calls("with others blocked", token, nil)

		tokens := s.count("caller_tokens")
		s.block("example.org:443", time.Time{})
		s.calls("blocked", token, caller.ErrBlocked)
		if err := s.Logout(s.Context(), token); !errors.Is(err, caller.ErrBlocked) {
			s.Errorf("Logout = %v, want %v", err, caller.ErrBlocked)
		}
		if n := s.count("caller_tokens"); n != tokens {
			s.Errorf("%d tokens, want %d as before", n, tokens)
		}
		if _, err := s.Account(s.Context(), "sit_unknown"); !errors.Is(err, caller.ErrUnknownToken) {
			s.Errorf("an unknown token = %v", err)
		}

		if err := s.Unblock(s.Context(), "example.org:8448"); err != nil {
			s.Error(err)
		}
		s.calls("unblocked", token, nil)
		if err := s.Unblock(s.Context(), "example.org"); !errors.Is(err, caller.ErrNotBlocked) {
			s.Errorf("the second Unblock = %v, want %v", err, caller.ErrNotBlocked)
		}
	})
}

// The holder of a domain makes names below it for nothing, so a block covers them all;
// it covers nobody else, and nobody's name is made for all who are below it.
func TestABlockCoversEveryNameBelow(t *testing.T) {
	each(t, func(s *story) {
		blocked := func(server matrix.ServerName, want error) {
			s.Helper()
			o := openID
			o.Homeserver = server
			if _, err := s.Register(s.Context(), o); errors.Is(err, caller.ErrBlocked) != (want != nil) {
				s.Errorf("Register at %s = %v, want %v", server, err, want)
			}
		}
		s.block("evil.example:8448", time.Time{})
		s.block("a.half.co.uk", time.Time{})
		s.block("192.0.2.1", time.Time{})
		s.block("[2001:db8::1]", time.Time{})
		for _, server := range []matrix.ServerName{"evil.example", "a.evil.example", "a.evil.example:1", "x.y.z.evil.example", "a.half.co.uk", "b.a.half.co.uk",
			"192.0.2.1:443", "[::ffff:192.0.2.1]", "[2001:db8:0::1]:8448", matrix.ServerName(strings.Repeat("a.", 100) + "evil.example")} {
			blocked(server, caller.ErrBlocked)
		}
		for _, server := range []matrix.ServerName{"notevil.example", "evil.example.org", "example", "half.co.uk", "b.half.co.uk", "co.uk",
			"1.192.0.2.1", "192.0.2.10", "2.1", "[2001:db8::2]"} {
			blocked(server, nil)
		}
		if err := s.Unblock(s.Context(), "a.evil.example"); !errors.Is(err, caller.ErrNotBlocked) {
			s.Errorf("Unblock of a name below = %v, want %v", err, caller.ErrNotBlocked)
		}
		for _, suffix := range []matrix.ServerName{"co.uk", "com:8448", "github.io"} {
			if _, err := s.Block(s.Context(), suffix, "x", time.Time{}); !errors.Is(err, caller.ErrPublicSuffix) {
				s.Errorf("Block(%s) = %v, want %v", suffix, err, caller.ErrPublicSuffix)
			}
		}
		s.block("localhost:8448", time.Time{})
		blocked("localhost", caller.ErrBlocked)
		if n := s.count("caller_blocks"); n != 5 {
			s.Errorf("%d blocks, want 5", n)
		}
	})
}

func TestABlockEndsByTheClock(t *testing.T) {
	each(t, func(s *story) {
		token := s.register()
		s.block("example.org", s.clock.Now().Add(72*time.Hour))
		s.clock.Advance(72*time.Hour - time.Millisecond)
		s.calls("before the end", token, caller.ErrBlocked)
		s.clock.Advance(time.Millisecond)
		s.calls("at the end", token, nil)
		if blocks, err := s.Blocks(s.Context()); err != nil || len(blocks) != 0 {
			s.Errorf("Blocks = %v, %v; want none", blocks, err)
		}
		if err := s.Unblock(s.Context(), "example.org"); !errors.Is(err, caller.ErrNotBlocked) {
			s.Errorf("Unblock of an ended block = %v, want %v", err, caller.ErrNotBlocked)
		}
		s.clock.Advance(2 * time.Hour)
		s.sweep()
		if n := s.count("caller_blocks"); n != 0 {
			s.Errorf("%d ended blocks are kept", n)
		}
	})
}

// The newer decision stands; the list is by name.
func TestBlocksAreListed(t *testing.T) {
	each(t, func(s *story) {
		s.block("z.example", time.Time{})
		s.block("[0:0:0:0:0:0:0:1]:8448", time.Time{})
		s.block("a.example:1", s.clock.Now().Add(time.Hour))
		s.clock.Advance(time.Minute)
		if b, err := s.Block(s.Context(), "a.example", "now for good", time.Time{}); err != nil || b.Server != "a.example" {
			s.Errorf("Block = %+v, %v", b, err)
		}
		blocks, err := s.Blocks(s.Context())
		if err != nil || len(blocks) != 3 || blocks[0].Server != "[::1]" || blocks[1].Server != "a.example" || blocks[2].Server != "z.example" {
			s.Fatalf("Blocks = %+v, %v", blocks, err)
		}
		if a := blocks[1]; a.Reason != "now for good" || !a.Until.IsZero() || !a.Created.Equal(s.clock.Now()) {
			s.Errorf("the replaced block = %+v", a)
		}
	})
}

func TestBlockRefuses(t *testing.T) {
	each(t, func(s *story) {
		for _, c := range []struct {
			reason string
			in     time.Duration
			want   error
		}{
			{"", time.Hour, caller.ErrReason},
			{" ", time.Hour, caller.ErrReason},
			{"two\nlines", time.Hour, caller.ErrReason},
			{"a\ttab", time.Hour, caller.ErrReason},
			{"nul\x00", time.Hour, caller.ErrReason},
			{"\xff", time.Hour, caller.ErrReason},
			{strings.Repeat("é", 501), time.Hour, caller.ErrReason},
			{strings.Repeat("é", 500), 0, caller.ErrBlockEnds},
			{"spam", -time.Hour, caller.ErrBlockEnds},
		} {
			if _, err := s.Block(s.Context(), "example.org", c.reason, s.clock.Now().Add(c.in)); !errors.Is(err, c.want) {
				s.Errorf("Block(%.20q, %s) = %v, want %v", c.reason, c.in, err, c.want)
			}
		}
		if n := s.count("caller_blocks"); n != 0 {
			s.Errorf("refused blocks left %d rows", n)
		}
	})
}

// Whoever is told of a block, as the log of policy is, stands or falls with it.
func TestWhoIsToldOfABlock(t *testing.T) {
	each(t, func(s *story) {
		var told []caller.BlockChange
		var refuse error
		s.Told = append(s.Told, func(_ context.Context, _ *store.Tx, c caller.BlockChange) error {
			told = append(told, c)
			return refuse
		})
		s.block("evil.example:8448", time.Time{})
		if len(told) == 0 || told[len(told)-1].Server != "evil.example" || told[len(told)-1].Lifted || told[len(told)-1].Reason != "it sends spam" {
			s.Errorf("told of the block: %+v", told)
		}
		b, blocked, err := s.BlockOf(s.Context(), "sub.evil.example:1")
		if err != nil || !blocked || b.Server != "evil.example" || b.Reason != "it sends spam" {
			s.Errorf("BlockOf = %+v, %t, %v", b, blocked, err)
		}
		if err := s.Unblock(s.Context(), "none.example"); !errors.Is(err, caller.ErrNotBlocked) {
			s.Errorf("Unblock = %v", err)
		}
		refuse = errors.New("the log is full")
		if err := s.Unblock(s.Context(), "evil.example"); !errors.Is(err, refuse) {
			s.Errorf("Unblock untold = %v, want %v", err, refuse)
		}
		if _, err := s.Block(s.Context(), "other.example", "x", time.Time{}); !errors.Is(err, refuse) {
			s.Errorf("Block untold = %v, want %v", err, refuse)
		}
		if blocks, err := s.Blocks(s.Context()); err != nil || len(blocks) != 1 || blocks[0].Server != "evil.example" {
			s.Errorf("blocks = %v, %v", blocks, err)
		}
		refuse = nil
		if err := s.Unblock(s.Context(), "evil.example"); err != nil || !told[len(told)-1].Lifted || told[len(told)-1].Server != "evil.example" {
			s.Errorf("Unblock = %v, told %+v", err, told)
		}
		if _, blocked, err := s.BlockOf(s.Context(), "sub.evil.example"); err != nil || blocked {
			s.Errorf("BlockOf after the end = %t, %v", blocked, err)
		}
	})
}
