package log_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/lockedfile"
	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/log"
)

const origin = "id.example.org/users"

func tree(size int64, hash byte) tlog.Tree { return tlog.Tree{N: size, Hash: tlog.Hash{hash}} }

// The file has the largest tree, which a new process reads; it never shrinks and never
// changes its root.
func TestAFileGuardRemembers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signed")
	wantHighest := func(want tlog.Tree) {
		t.Helper()
		if got, err := log.NewFileGuard(path, origin).Highest(t.Context()); err != nil || got != want {
			t.Errorf("Highest = %v, %v; want %v", got, err, want)
		}
	}
	wantHighest(tlog.Tree{})
	for _, step := range []struct {
		signed, want tlog.Tree
		err          error
	}{
		{tree(5, 1), tree(5, 1), nil},
		{tree(5, 1), tree(5, 1), nil},
		{tree(5, 2), tree(5, 1), log.ErrRolledBack},
		{tree(4, 3), tree(5, 1), nil},
		{tree(6, 2), tree(6, 2), nil},
	} {
		if err := log.NewFileGuard(path, origin).Signed(t.Context(), step.signed); !errors.Is(err, step.err) {
			t.Errorf("Signed(%v) = %v, want %v", step.signed, err, step.err)
		}
		wantHighest(step.want)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "id.example.org/users\n6\nAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" {
		t.Errorf("the file says %q, %v", text, err)
	}
}

// A hundred trees are told at once: the largest is remembered.
func TestAFileGuardIsToldAtOnce(t *testing.T) {
	g := log.NewFileGuard(filepath.Join(t.TempDir(), "signed"), origin)
	var all sync.WaitGroup
	for n := range int64(100) {
		all.Go(func() {
			if err := g.Signed(t.Context(), tree(n+1, byte(n))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, err := g.Highest(t.Context()); err != nil || got != tree(100, 99) {
		t.Errorf("Highest = %v, %v", got, err)
	}
}

// Two replicas on one machine were given the same file: each finds in it what either was told,
// and never half of it, or less than before.
func TestReplicasShareAFileGuard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signed")
	var all, reader sync.WaitGroup
	over := make(chan struct{})
	for replica := range int64(4) {
		all.Go(func() {
			g := log.NewFileGuard(path, origin)
			for n := range int64(50) {
				signed := tree(4*n+replica+1, byte(n))
				if err := g.Signed(t.Context(), signed); err != nil {
					t.Error(err)
				}
				if got, err := g.Highest(t.Context()); err != nil || got.N < signed.N {
					t.Errorf("Highest = %v, %v after %d were signed", got, err, signed.N)
				}
			}
		})
	}
	reader.Go(func() {
		for before := int64(0); ; {
			got, err := log.NewFileGuard(path, origin).Highest(t.Context())
			if err != nil || got.N < before {
				t.Errorf("Highest = %v, %v after %d", got, err, before)
			}
			select {
			case <-over:
				return
			default:
				before = got.N
			}
		}
	})
	all.Wait()
	close(over)
	reader.Wait()
	if got, err := log.NewFileGuard(path, origin).Highest(t.Context()); err != nil || got != tree(200, 49) {
		t.Errorf("Highest = %v, %v", got, err)
	}
	if err := log.NewFileGuard(path, origin).Signed(t.Context(), tree(200, 1)); !errors.Is(err, log.ErrRolledBack) {
		t.Errorf("Signed with another root = %v", err)
	}
}

// Whoever waits for a lock that another process holds gives up in time, and however many have
// done so, the guard works once the lock is free.
func TestAGuardGivesUpInTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signed")
	g := log.NewFileGuard(path, origin)
	unlock, err := lockedfile.MutexAt(path + ".lock").Lock()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for n := range int64(50) {
		all.Go(func() {
			if err := g.Signed(ctx, tree(n+1, 1)); !errors.Is(err, context.Canceled) {
				t.Errorf("Signed = %v while another has the lock", err)
			}
		})
	}
	cancel()
	all.Wait()
	if got, err := g.Highest(t.Context()); err != nil || got != (tlog.Tree{}) {
		t.Errorf("Highest = %v, %v", got, err)
	}
	unlock()
	if err := g.Signed(t.Context(), tree(7, 7)); err != nil {
		t.Error(err)
	}
	if got, err := g.Highest(t.Context()); err != nil || got != tree(7, 7) {
		t.Errorf("Highest = %v, %v", got, err)
	}
}

// A file that says something else, or half of it, is not taken for none.
func TestADamagedGuardIsAnError(t *testing.T) {
	good := "id.example.org/users\n6\nAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	for _, text := range []string{
		"", "\n", good[:len(good)-1], good[:30], good + "\n", good + "more\n", "x" + good, "id.example.org/servers" + good[20:],
		"id.example.org/users\n06\nAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "id.example.org/users\n0\nAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"id.example.org/users\n-6\nAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "id.example.org/users\n9223372036854775808\nAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"id.example.org/users\n6\nAgAA\n", "id.example.org/users\n6\nAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
	} {
		path := filepath.Join(t.TempDir(), "signed")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		g := log.NewFileGuard(path, origin)
		if got, err := g.Highest(t.Context()); err == nil {
			t.Errorf("Highest of %q = %v", text, got)
		}
		if err := g.Signed(t.Context(), tree(7, 7)); err == nil {
			t.Errorf("Signed over %q succeeded", text)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != text {
			t.Errorf("%q became %q", text, after)
		}
	}
}

// What a crash left beside the file does no harm.
func TestAHalfWrittenGuard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signed")
	if err := os.WriteFile(path+".new", []byte("id.exam"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := log.NewFileGuard(path, origin)
	if got, err := g.Highest(t.Context()); err != nil || got != (tlog.Tree{}) {
		t.Errorf("Highest = %v, %v", got, err)
	}
	if err := g.Signed(t.Context(), tree(7, 7)); err != nil {
		t.Error(err)
	}
	if got, err := g.Highest(t.Context()); err != nil || got != tree(7, 7) {
		t.Errorf("Highest = %v, %v", got, err)
	}
}
