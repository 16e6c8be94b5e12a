package seal_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

var (
	owners = []string{"seal"}
	now    = func() time.Time { return time.UnixMilli(1_700_000_000_000) }
)

func newKEK(t *testing.T) seal.KEK {
	t.Helper()
	kek, err := seal.CreateKEK(filepath.Join(t.TempDir(), "kek"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return kek
}

func TestReplicasShareEverySecret(t *testing.T) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		kek := newKEK(t)
		const replicas = 8
		boxes, secrets := make([]seal.Box, replicas), make([][]byte, replicas)
		var wg sync.WaitGroup
		for i := range replicas {
			wg.Go(func() {
				v, err := seal.Open(t.Context(), db, kek, now)
				if err != nil {
					t.Error(err)
					return
				}
				if boxes[i], err = v.Box(t.Context(), "test"); err != nil {
					t.Error(err)
				}
				if secrets[i], err = v.Secret(t.Context(), "test"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		sealed := boxes[0].Seal([]byte("hello"), []byte("row"))
		for i := range replicas {
			if plain, err := boxes[i].Open(sealed, []byte("row")); err != nil || string(plain) != "hello" {
				t.Errorf("replica %d opened %q, %v", i, plain, err)
			}
			if !bytes.Equal(secrets[i], secrets[0]) {
				t.Errorf("replica %d has a secret of its own", i)
			}
		}
	})
}

func TestAnotherKEKIsRefused(t *testing.T) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		if _, err := seal.Open(t.Context(), db, newKEK(t), now); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Open(t.Context(), db, newKEK(t), now); !errors.Is(err, seal.ErrWrongKEK) {
			t.Errorf("Open = %v, want %v", err, seal.ErrWrongKEK)
		}
	})
}

func TestNoSecretStandsInClear(t *testing.T) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		v, err := seal.Open(t.Context(), db, newKEK(t), now)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := v.Secret(t.Context(), "pepper")
		if err != nil {
			t.Fatal(err)
		}
		var kept []byte
		if err := db.QueryRow(t.Context(), "SELECT sealed FROM seal_secrets WHERE name = $1", "secret pepper").Scan(&kept); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(kept, secret) {
			t.Error("the secret stands in the database in clear")
		}
	})
}

func TestBoxRefusesWhatItDidNotSeal(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), owners)
	v, err := seal.Open(t.Context(), db, newKEK(t), now)
	if err != nil {
		t.Fatal(err)
	}
	box, err := v.Box(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	other, err := v.Box(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	sealed := box.Seal([]byte("hello"), []byte("row 1"))
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	for _, c := range []struct {
		what   string
		box    seal.Box
		sealed []byte
		row    string
	}{
		{"another purpose's box", other, sealed, "row 1"},
		{"another row", box, sealed, "row 2"},
		{"a flipped bit", box, flipped, "row 1"},
		{"a cut end", box, sealed[:len(sealed)-1], "row 1"},
		{"nothing", box, nil, "row 1"},
	} {
		if _, err := c.box.Open(c.sealed, []byte(c.row)); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("opening with %s = %v, want %v", c.what, err, seal.ErrOpen)
		}
	}
}

func TestTagsDoNotConfuseParts(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), owners)
	v, err := seal.Open(t.Context(), db, newKEK(t), now)
	if err != nil {
		t.Fatal(err)
	}
	mac, err := v.MAC(t.Context(), "codes")
	if err != nil {
		t.Fatal(err)
	}
	tag := mac.Of("ab", "c")
	if !mac.Equal(tag, "ab", "c") {
		t.Error("a tag does not equal itself")
	}
	for _, parts := range [][]string{{"a", "bc"}, {"abc"}, {"ab", "c", ""}, {"ab"}, nil} {
		if mac.Equal(tag, parts...) {
			t.Errorf("the tag of [ab c] is also that of %q", parts)
		}
	}
}

func TestKEKFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "kek")
	if _, err := seal.ReadKEK(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("ReadKEK of no file = %v, want %v", err, os.ErrNotExist)
	}
	const rivals = 8
	keys := make([]seal.KEK, rivals)
	var wg sync.WaitGroup
	for i := range rivals {
		wg.Go(func() {
			var err error
			if keys[i], err = seal.CreateKEK(path, rand.Reader); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range rivals {
		if keys[i] != keys[0] {
			t.Errorf("rival %d has a key of its own", i)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode().Perm(), err)
	}
}

func TestKEKNeverPrints(t *testing.T) {
	text := strings.Repeat("QUFB", 10) + "QUE="
	kek, err := seal.ParseKEK(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, kek); strings.Contains(got, "AAA") || strings.Contains(got, "65") {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func FuzzParseKEK(f *testing.F) {
	f.Add("")
	f.Add(strings.Repeat("QUFB", 10) + "QUE=")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := seal.ParseKEK(text); err != nil && !errors.Is(err, seal.ErrKEK) {
			t.Errorf("ParseKEK(%q) = %v", text, err)
		}
	})
}

func TestUnlock(t *testing.T) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		path, missing := filepath.Join(t.TempDir(), "kek"), filepath.Join(t.TempDir(), "kek")
		unlock := func(path, text string, want error) {
			t.Helper()
			if _, err := seal.Unlock(t.Context(), db, path, text, now); !errors.Is(err, want) {
				t.Errorf("Unlock = %v, want %v", err, want)
			}
		}
		unlock(path, "", nil) // the first start makes a key
		unlock(path, "", nil)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		unlock(missing, string(text), nil)
		unlock(path, string(text), seal.ErrTwoKEKs)
		unlock(missing, "nonsense", seal.ErrKEK)
		unlock(missing, "", seal.ErrNoKEK)
		if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a useless key was written: %v", err)
		}
	})
}

// Two machines start on one empty database at the same moment, each with a key file
// of its own: one founds it, the others are refused and keep no useless key.
func TestMachinesThatFoundAtTheSameTime(t *testing.T) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		const machines = 5
		var wg sync.WaitGroup
		paths, errs := make([]string, machines), make([]error, machines)
		for i := range machines {
			paths[i] = filepath.Join(t.TempDir(), "kek")
			wg.Go(func() { _, errs[i] = seal.Unlock(t.Context(), db, paths[i], "", now) })
		}
		wg.Wait()
		founders := 0
		for i, err := range errs {
			_, missing := os.Stat(paths[i])
			switch {
			case err == nil && missing == nil:
				founders++
			case err == nil, missing == nil, !errors.Is(err, seal.ErrWrongKEK) && !errors.Is(err, seal.ErrNoKEK):
				t.Errorf("machine %d: %v; its key file: %v", i, err, missing)
			}
		}
		if founders != 1 {
			t.Errorf("%d machines founded the database", founders)
		}
	})
}
