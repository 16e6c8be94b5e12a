package table

import "bytes"

// users is the user of each record. Their texts stand one after another in large pieces,
// each behind its length: as strings of their own they would take twice the room.
type users struct {
	at     pages[uint32] // of record's text: its place + 1, 0 for none
	pieces [][]byte
	wasted int // bytes of texts that nobody has any more
}

// pieceLen holds many texts; none is longer than 255 bytes (specification, appendices,
// "User Identifiers").
const pieceLen = 1 << 20

// get returns the text of a record's user, which is empty if there is none. It stays as it
// is, and is not to be changed.
func (u *users) get(n uint32) []byte {
	at := u.at.get(n)
	if at == 0 {
		return nil
	}
	piece, from := u.pieces[(at-1)/pieceLen], (at-1)%pieceLen
	return piece[from+1 : from+1+uint32(piece[from])]
}

func (u *users) put(n uint32, user []byte) {
	if bytes.Equal(u.get(n), user) {
		return
	}
	u.remove(n)
	last := len(u.pieces) - 1
	if last < 0 || len(u.pieces[last])+1+len(user) > pieceLen {
		u.pieces = append(u.pieces, make([]byte, 0, pieceLen))
		last++
	}
	u.at.set(n, uint32(last*pieceLen+len(u.pieces[last]))+1)
	u.pieces[last] = append(append(u.pieces[last], byte(len(user))), user...)
}

// remove forgets the user of a record. When more is wasted than not, all are written anew.
func (u *users) remove(n uint32) {
	user := u.get(n)
	if len(user) == 0 {
		return
	}
	u.at.set(n, 0)
	u.wasted += 1 + len(user)
	if u.wasted > pieceLen && 2*u.wasted > len(u.pieces)*pieceLen {
		u.rewrite()
	}
}

func (u *users) rewrite() {
	old := *u
	*u = users{}
	for n := range uint32(len(old.at.all) * pageLen) {
		if user := old.get(n); len(user) > 0 {
			u.put(n, user)
		}
	}
}
