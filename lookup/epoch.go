package lookup

import (
	"encoding/binary"
	"strconv"
	"sync"
	"time"

	"signet/internal/seal"
)

// A pepper lives for an epoch. The old one is accepted for a while after, since a client
// may have asked for it just before; the next one is accepted a while before, since
// another replica's clock may be ahead, and its hashes are made in that time.
const (
	epochLen  = 30 * 24 * time.Hour
	afterlife = 15 * time.Minute
	lead      = 10 * time.Minute
)

// epochs divides time. Replicas agree on it by what they share, a sealed key, and other
// deployments change their peppers at other moments.
type epochs struct {
	key    seal.Index
	offset time.Duration // by which epochs begin earlier than whole ones since 1970
	made   *sync.Map     // the peppers asked for so far, string by int64: twelve a year
}

func newEpochs(key seal.Index) epochs {
	random := binary.BigEndian.Uint64(key.Of("offset"))
	return epochs{key: key, offset: time.Duration(random % uint64(epochLen)).Truncate(time.Second), made: new(sync.Map)}
}

// number is that of the epoch at a moment, counted from 1970.
func (e epochs) number(t time.Time) int64 {
	return t.Add(e.offset).UnixMilli() / epochLen.Milliseconds()
}

// accepted are the numbers of the epochs whose peppers are accepted, the current one first.
func (e epochs) accepted(now time.Time) []int64 {
	current := e.number(now)
	all := []int64{current}
	if before := e.number(now.Add(-afterlife)); before != current {
		all = append(all, before)
	}
	if next := e.number(now.Add(lead)); next != current {
		all = append(all, next)
	}
	return all
}

const (
	// pepperLen makes 190 bits of letters and digits.
	pepperLen = 32
	alphabet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// pepper is an epoch's, of ASCII letters and digits as MSC2134 asks. Those of epochs to
// come cannot be told without the key.
func (e epochs) pepper(epoch int64) string {
	if made, found := e.made.Load(epoch); found {
		return made.(string)
	}
	pepper := e.makePepper(epoch)
	e.made.Store(epoch, pepper)
	return pepper
}

func (e epochs) makePepper(epoch int64) string {
	pepper := make([]byte, 0, pepperLen)
	for block := 0; ; block++ {
		for _, random := range e.key.Of("pepper", strconv.FormatInt(epoch, 10), strconv.Itoa(block)) {
			if int(random) >= 256/len(alphabet)*len(alphabet) {
				continue // the rest would make some letters likelier
			}
			if pepper = append(pepper, alphabet[int(random)%len(alphabet)]); len(pepper) == pepperLen {
				return string(pepper)
			}
		}
	}
}
