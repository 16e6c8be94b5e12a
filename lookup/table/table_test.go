package table_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"signet/lookup/table"
)

func index(address int) table.Key { return digest("index", address) }
func hashIn(address int) func(string) table.Key {
	return func(epoch string) table.Key { return digest(epoch, address) }
}

func digest(what string, address int) table.Key {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", what, address))
	return table.KeyOf(sum[:])
}

// model is a table as one would write it without a thought for memory.
type model struct {
	users  map[int]string
	epochs map[string]bool
}

func (m model) check(t *testing.T, tbl *table.Table, addresses int) {
	t.Helper()
	if tbl.Len() != len(m.users) || len(tbl.Epochs()) != len(m.epochs) {
		t.Fatalf("%d records in %d epochs, want %d in %d", tbl.Len(), len(tbl.Epochs()), len(m.users), len(m.epochs))
	}
	for epoch := range m.epochs {
		for a := range addresses {
			want, there := m.users[a]
			if user, found := tbl.Find(epoch, hashIn(a)(epoch)); user != want || found != there {
				t.Fatalf("address %d in %s: %q, %t, want %q, %t", a, epoch, user, found, want, there)
			}
		}
	}
}

// Whatever is done in whatever order, a table says what the plain model says.
func play(t *testing.T, r *rand.Rand, steps, addresses int) {
	tbl, m := table.New(r.IntN(100)), model{users: map[int]string{}, epochs: map[string]bool{"1": true}}
	tbl.Begin("1")
	for step := range steps {
		a := r.IntN(addresses)
		switch r.IntN(10) {
		default:
			user := fmt.Sprintf("@%s%d:example.org", strings.Repeat("x", r.IntN(200)), step)
			tbl.Put(index(a), []byte(user), hashIn(a))
			m.users[a] = user
		case 6, 7, 8:
			tbl.Remove(index(a))
			delete(m.users, a)
		case 9:
			m.turn(tbl, fmt.Sprint(r.IntN(4)), addresses)
		}
	}
	m.check(t, tbl, addresses)
}

// turn begins an epoch and gives it every hash, or ends one.
func (m model) turn(tbl *table.Table, epoch string, addresses int) {
	if m.epochs[epoch] {
		tbl.End(epoch)
		delete(m.epochs, epoch)
		return
	}
	tbl.Begin(epoch)
	m.epochs[epoch] = true
	for a := range addresses {
		tbl.Hash(epoch, index(a), hashIn(a)(epoch))
	}
}

func TestATableIsItsModel(t *testing.T) {
	for seed := range uint64(20) {
		play(t, rand.New(rand.NewPCG(seed, 1)), 2000, 1+int(seed)*25)
	}
}

func FuzzTable(f *testing.F) {
	f.Add(uint64(1), uint16(500), uint8(40))
	f.Fuzz(func(t *testing.T, seed uint64, steps uint16, addresses uint8) {
		play(t, rand.New(rand.NewPCG(seed, 2)), int(steps), 1+int(addresses))
	})
}

// What nobody has is nobody's: no epoch finds the zero key, which stands for none.
func TestTheZeroKeyIsNobodys(t *testing.T) {
	tbl := table.New(0)
	tbl.Begin("1")
	tbl.Put(index(1), []byte("@alice:example.org"), hashIn(1))
	tbl.Put(index(2), []byte("@bob:example.org"), hashIn(2))
	tbl.Remove(index(2))
	if user, found := tbl.Find("1", table.Key{}); found {
		t.Errorf("the zero key finds %q", user)
	}
}

func BenchmarkFind(b *testing.B) {
	tbl := table.New(0)
	tbl.Begin("1")
	const n = 1_000_000
	for a := range n {
		tbl.Put(index(a), fmt.Appendf(nil, "@user%d:example.org", a), hashIn(a))
	}
	var asked [1024]table.Key
	for i := range asked {
		asked[i] = hashIn(i * 2 * n / len(asked))("1")
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		tbl.Find("1", asked[i%len(asked)])
		i++
	}
}
