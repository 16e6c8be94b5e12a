package lookup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

func (d *Directory) putBinding(ctx context.Context, tx *store.Tx, b binding) error {
	index := d.indexOf(b.address)
	_, err := tx.Exec(ctx, `INSERT INTO lookup_bindings
		(address_index, medium, address_sealed, user_id, lookup_tag, session_id, ts_ms, not_before_ms, not_after_ms)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (address_index) DO UPDATE SET
			address_sealed = $3, user_id = $4, session_id = $6, ts_ms = $7, not_before_ms = $8, not_after_ms = $9`,
		index, string(b.address.Medium()), d.addresses.Seal([]byte(b.address.String()), index), b.user.String(),
		d.tags.Of(hash(b.address, d.pepper)), b.sid, b.bound.UnixMilli(), b.notBefore.UnixMilli(), b.notAfter.UnixMilli())
	return err
}

func (d *Directory) selectBinding(ctx context.Context, q store.Queryer, a threepid.Address) (binding, error) {
	b := binding{address: a}
	var bound, notBefore, notAfter int64
	err := q.QueryRow(ctx, `SELECT user_id, session_id, ts_ms, not_before_ms, not_after_ms
		FROM lookup_bindings WHERE address_index = $1`, d.indexOf(a)).Scan(&b.user, &b.sid, &bound, &notBefore, &notAfter)
	b.bound, b.notBefore, b.notAfter = store.Time(bound), store.Time(notBefore), store.Time(notAfter)
	return b, err
}

func (d *Directory) deleteBinding(ctx context.Context, a threepid.Address, user matrix.UserID) error {
	_, err := d.DB.Exec(ctx, `DELETE FROM lookup_bindings WHERE address_index = $1 AND user_id = $2`, d.indexOf(a), user.String())
	return err
}

func (d *Directory) indexOf(a threepid.Address) []byte {
	return d.index.Of(string(a.Medium()), a.String())
}

// chunkSizes are how many tags one statement asks for. A chunk that is not full
// repeats its last tag, so that there are few statement texts to prepare. SQLite's
// driver finds each $n by its name among all: beyond 64 that costs more than it saves.
var chunkSizes = []int{1, 8, 64}

// selectUsers finds the users behind tags and returns them by what was asked.
func selectUsers(ctx context.Context, q store.Queryer, asked map[string]string) (map[string]matrix.UserID, error) {
	tags := make([]any, 0, len(asked))
	for tag := range asked {
		tags = append(tags, []byte(tag))
	}
	users := map[string]matrix.UserID{}
	for chunk := range slices.Chunk(tags, chunkSizes[len(chunkSizes)-1]) {
		if err := selectChunk(ctx, q, pad(chunk), asked, users); err != nil {
			return nil, err
		}
	}
	return users, nil
}

func selectChunk(ctx context.Context, q store.Queryer, tags []any, asked map[string]string, users map[string]matrix.UserID) error {
	rows, err := q.Query(ctx, `SELECT lookup_tag, user_id FROM lookup_bindings WHERE lookup_tag IN (`+parameters(len(tags))+`)`, tags...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var tag []byte
		var user matrix.UserID
		if err := rows.Scan(&tag, &user); err != nil {
			return err
		}
		users[asked[string(tag)]] = user
	}
	return rows.Err()
}

// pad repeats the last tag up to the next chunk size.
func pad(tags []any) []any {
	size := chunkSizes[len(chunkSizes)-1]
	for _, s := range chunkSizes {
		if s >= len(tags) {
			size = s
			break
		}
	}
	for padded := slices.Clone(tags); ; padded = append(padded, tags[len(tags)-1]) {
		if len(padded) == size {
			return padded
		}
	}
}

// parameters is "$1, $2, …" up to n.
func parameters(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "$%d, ", i)
	}
	return strings.TrimSuffix(b.String(), ", ")
}
