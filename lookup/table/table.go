package table

// Key is the beginning of a record's index or hash. Both are outputs of SHA-256, of which
// 128 bits tell any two apart.
type Key [16]byte

// KeyOf takes the beginning of an index or hash, which is at least so long.
func KeyOf(digest []byte) Key { return Key(digest[:len(Key{})]) }

// Table is the records of all bindings.
type Table struct {
	byIndex column
	users   users
	epochs  map[string]*column // by what they are named for
	free    []uint32           // numbers of records that are gone
	next    uint32             // number of the next record if none is free
}

// New returns an empty table, with room for so many records.
func New(room int) *Table {
	return &Table{byIndex: newColumn(room), epochs: map[string]*column{}}
}

// Len is how many records there are.
func (t *Table) Len() int { return t.byIndex.live }

// Put makes user the one behind an address, in place of whoever was. hash is asked for the
// address's hash in each epoch, unless the record has it already.
func (t *Table) Put(index Key, user []byte, hash func(epoch string) Key) {
	n, there := t.byIndex.find(index)
	if !there {
		n = t.number()
		t.byIndex.put(n, index)
	}
	t.users.put(n, user)
	for name, epoch := range t.epochs {
		if !epoch.has(n) {
			epoch.put(n, hash(name))
		}
	}
}

// number is a number that no record has.
func (t *Table) number() uint32 {
	if last := len(t.free) - 1; last >= 0 {
		n := t.free[last]
		t.free = t.free[:last]
		return n
	}
	t.next++
	return t.next - 1
}

// Remove forgets who is behind an address.
func (t *Table) Remove(index Key) {
	n, there := t.byIndex.find(index)
	if !there {
		return
	}
	t.byIndex.remove(n)
	t.users.remove(n)
	for _, epoch := range t.epochs {
		epoch.remove(n)
	}
	t.free = append(t.free, n)
}

// Begin begins an epoch, in which nobody is found until Put or Hash says by what.
func (t *Table) Begin(epoch string) {
	if t.epochs[epoch] == nil {
		c := newColumn(max(t.Len(), t.byIndex.room()))
		t.epochs[epoch] = &c
	}
}

// End forgets an epoch.
func (t *Table) End(epoch string) { delete(t.epochs, epoch) }

// Epochs are the names of those that have begun.
func (t *Table) Epochs() []string {
	var names []string
	for name := range t.epochs {
		names = append(names, name)
	}
	return names
}

// Hash gives the hash of an address in one epoch, if there is a record of the address and
// the epoch has not ended.
func (t *Table) Hash(epoch string, index, hash Key) {
	byHash, begun := t.epochs[epoch]
	if !begun {
		return
	}
	if n, there := t.byIndex.find(index); there && !byHash.has(n) {
		byHash.put(n, hash)
	}
}

// Find returns who is behind the address with that hash in an epoch.
func (t *Table) Find(epoch string, hash Key) (user string, found bool) {
	byHash, begun := t.epochs[epoch]
	if !begun {
		return "", false
	}
	n, found := byHash.find(hash)
	if !found {
		return "", false
	}
	return string(t.users.get(n)), true
}
