package quota

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"signet/internal/store"
)

// rowsAtATime bounds the parameters of a statement, and how many texts it has.
const rowsAtATime = 64

// bucketRow is a row: full is the nanosecond at which the bucket is full again.
type bucketRow struct {
	tag    []byte
	budget string
	full   int64
}

// move is a bucket and the time by which it is to be full later, or, negative, sooner.
type move struct {
	tag    []byte
	budget string
	by     int64
}

// moveBuckets moves all the moments at which the buckets are full, each bucket once, and
// returns the new ones by their tags. One that was full before now counts as full now.
// It reads nothing that SERIALIZABLE would have to remember, neither a row nor a gap
// between two, so that only those who move the same bucket are rivals.
func moveBuckets(ctx context.Context, from store.Queryer, now int64, moves []move) (map[string]int64, error) {
	full := make(map[string]int64, len(moves))
	for len(moves) > 0 {
		n := min(len(moves), rowsAtATime)
		args := make([]any, 0, 1+3*n)
		args = append(args, now)
		for _, m := range moves[:n] {
			args = append(args, m.tag, m.budget, now+m.by)
		}
		moved, err := queryRows(ctx, from, moveStatement(n), args...)
		if err != nil {
			return nil, err
		}
		for _, r := range moved {
			full[string(r.tag)] = r.full
		}
		moves = moves[n:]
	}
	return full, nil
}

// moveAlone is moveBuckets with each statement committed when it returns. It locks the rows
// one after another in the order of the moves, which are in that of their tags. On an
// error it returns what it has moved all the same.
func moveAlone(ctx context.Context, db *store.DB, now int64, moves []move) (map[string]int64, error) {
	full := make(map[string]int64, len(moves))
	for some := range slices.Chunk(moves, rowsAtATime) {
		err := db.Alone(ctx, func(from store.Queryer) error {
			moved, err := moveBuckets(ctx, from, now, some)
			maps.Copy(full, moved)
			return err
		})
		if err != nil {
			return full, err
		}
	}
	return full, nil
}

// moveStatement is the statement for n buckets: $1 is now, and each has three more.
func moveStatement(n int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO quota_buckets (tag, budget, full_ns) VALUES `)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("($" + strconv.Itoa(3*i+2) + ", $" + strconv.Itoa(3*i+3) + ", $" + strconv.Itoa(3*i+4) + ")")
	}
	b.WriteString(` ON CONFLICT (tag) DO UPDATE SET full_ns = excluded.full_ns - $1
		+ CASE WHEN quota_buckets.full_ns > $1 THEN quota_buckets.full_ns ELSE $1 END
		RETURNING tag, budget, full_ns`)
	return b.String()
}

// selectBuckets reads those of the buckets that there are.
func selectBuckets(ctx context.Context, q store.Queryer, tags [][]byte) (found []bucketRow, err error) {
	for len(tags) > 0 {
		n := min(len(tags), rowsAtATime)
		var args []any
		var places []string
		for i, tag := range tags[:n] {
			args, places = append(args, tag), append(places, "$"+strconv.Itoa(i+1))
		}
		rows, err := queryRows(ctx, q, `SELECT tag, budget, full_ns FROM quota_buckets WHERE tag IN (`+strings.Join(places, ", ")+`)`, args...)
		if err != nil {
			return nil, err
		}
		found, tags = append(found, rows...), tags[n:]
	}
	return found, nil
}

// selectUsed reads the buckets of a budget that are full no sooner than the moment.
func selectUsed(ctx context.Context, q store.Queryer, budget string, ns int64) ([]bucketRow, error) {
	return queryRows(ctx, q, `SELECT tag, budget, full_ns FROM quota_buckets WHERE budget = $1 AND full_ns >= $2`, budget, ns)
}

func queryRows(ctx context.Context, q store.Queryer, query string, args ...any) (found []bucketRow, err error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r bucketRow
		if err := rows.Scan(&r.tag, &r.budget, &r.full); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}

// selectStep is the last tag of the next so many after one, or sql.ErrNoRows if there
// are fewer.
func selectStep(ctx context.Context, q store.Queryer, after []byte, many int) (last []byte, err error) {
	err = q.QueryRow(ctx, `SELECT tag FROM quota_buckets WHERE tag > $1 ORDER BY tag LIMIT 1 OFFSET $2`, after, many-1).Scan(&last)
	return last, err
}

// deleteFull forgets the buckets between two tags, the second included, that were full
// before the moment.
func deleteFull(ctx context.Context, q store.Queryer, after, last []byte, ns int64) error {
	_, err := q.Exec(ctx, `DELETE FROM quota_buckets WHERE tag > $1 AND tag <= $2 AND full_ns < $3`, after, last, ns)
	return err
}
