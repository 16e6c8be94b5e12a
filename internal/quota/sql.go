package quota

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"signet/internal/store"
)

// rowsAtATime bounds the parameters of a statement, and how many texts it has.
const rowsAtATime = 64

// slots are the buckets that a row has room for, each with the column of its moment.
const slots = 4

var columns = [slots]string{"full_ns", "full2_ns", "full3_ns", "full4_ns"}

// moments are the nanoseconds at which the buckets of a row are full again.
type moments [slots]int64

// move is a bucket and the time by which it is to be full later, or, negative, sooner.
type move struct {
	bucket
	group string
	by    int64
}

// moveBuckets moves all the moments at which the buckets are full, each bucket once and those
// of a row one after another, and returns the new ones. One that was full before now counts
// as full now, and the others of its row, which are not moved, may be set to that as well.
// It reads nothing that SERIALIZABLE would have to remember, neither a row nor a gap
// between two, so that only those who move buckets of the same row are rivals.
func moveBuckets(ctx context.Context, from store.Queryer, now int64, moves []move) (map[bucket]int64, error) {
	rows := map[string]moments{}
	for some := range slices.Chunk(pack(now, moves), rowsAtATime) {
		args := make([]any, 0, 1+movedParameters*len(some))
		args = append(args, now)
		for _, r := range some {
			args = append(args, []byte(r.tag), r.group)
			for _, full := range r.full {
				args = append(args, full)
			}
		}
		if err := queryRows(ctx, from, rows, moveStatement(len(some)), args...); err != nil {
			return nil, err
		}
	}
	full := make(map[bucket]int64, len(moves))
	for _, m := range moves {
		full[m.bucket] = rows[m.tag][m.slot]
	}
	return full, nil
}

// movedRow is a row as it is to be if all its buckets were full before now.
type movedRow struct {
	tag, group string
	full       moments
}

// pack puts the moves of a row, which follow each other, together.
func pack(now int64, moves []move) (rows []movedRow) {
	for _, m := range moves {
		if len(rows) == 0 || rows[len(rows)-1].tag != m.tag {
			rows = append(rows, movedRow{m.tag, m.group, moments{now, now, now, now}})
		}
		rows[len(rows)-1].full[m.slot] += m.by
	}
	return rows
}

// moveAlone is moveBuckets with each statement committed when it returns. It locks the rows
// one after another in the order of the moves, which are in that of their tags. On an
// error it returns what it has moved all the same.
func moveAlone(ctx context.Context, db *store.DB, now int64, moves []move) (map[bucket]int64, error) {
	full := make(map[bucket]int64, len(moves))
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

// movedParameters are a row's parameters in a moveStatement.
const movedParameters = 2 + slots

// moveStatement is the statement for n rows: $1 is now, and each row has its own.
func moveStatement(n int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO quota_buckets (tag, budget, ` + allColumns + `) VALUES `)
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + store.Parameters(2+movedParameters*i, movedParameters) + ")")
	}
	b.WriteString(setColumns)
	return b.String()
}

var allColumns = strings.Join(columns[:], ", ")

// setColumns is the end of each moveStatement.
var setColumns = func() string {
	var set []string
	for _, c := range columns {
		set = append(set, c+` = excluded.`+c+` - $1 + CASE WHEN quota_buckets.`+c+` > $1 THEN quota_buckets.`+c+` ELSE $1 END`)
	}
	return ` ON CONFLICT (tag) DO UPDATE SET ` + strings.Join(set, ", ") + ` RETURNING tag, ` + allColumns
}()

// selectBuckets reads those of the buckets that there are, which are in the order of
// their tags.
func selectBuckets(ctx context.Context, q store.Queryer, buckets []bucket) (map[bucket]int64, error) {
	var tags []any
	for i, b := range buckets {
		if i == 0 || b.tag != buckets[i-1].tag {
			tags = append(tags, []byte(b.tag))
		}
	}
	rows := map[string]moments{}
	for some := range slices.Chunk(tags, rowsAtATime) {
		query := `SELECT tag, ` + allColumns + ` FROM quota_buckets WHERE tag IN (` + store.Parameters(1, len(some)) + `)`
		if err := queryRows(ctx, q, rows, query, some...); err != nil {
			return nil, err
		}
	}
	full := map[bucket]int64{}
	for _, b := range buckets {
		if r, found := rows[b.tag]; found {
			full[b] = r[b.slot]
		}
	}
	return full, nil
}

// selectUsed reads the buckets of a budget that are full no sooner than the moment.
func selectUsed(ctx context.Context, q store.Queryer, b Budget, ns int64) (map[bucket]int64, error) {
	rows := map[string]moments{}
	query := `SELECT tag, ` + allColumns + ` FROM quota_buckets WHERE budget = $1 AND ` + columns[b.Slot] + ` >= $2`
	if err := queryRows(ctx, q, rows, query, b.group(), ns); err != nil {
		return nil, err
	}
	full := make(map[bucket]int64, len(rows))
	for tag, r := range rows {
		full[bucket{tag, b.Slot}] = r[b.Slot]
	}
	return full, nil
}

// queryRows adds the rows that it reads to those found, by their tags.
func queryRows(ctx context.Context, from store.Queryer, found map[string]moments, query string, args ...any) (err error) {
	rows, err := from.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var tag []byte
		var full moments
		if err := rows.Scan(&tag, &full[0], &full[1], &full[2], &full[3]); err != nil {
			return err
		}
		found[string(tag)] = full
	}
	return rows.Err()
}

// selectStep is the last tag of the next so many after one, or sql.ErrNoRows if there
// are fewer.
func selectStep(ctx context.Context, q store.Queryer, after []byte, many int) (last []byte, err error) {
	err = q.QueryRow(ctx, `SELECT tag FROM quota_buckets WHERE tag > $1 ORDER BY tag LIMIT 1 OFFSET $2`, after, many-1).Scan(&last)
	return last, err
}

// deleteFull forgets the rows between two tags, the second included, whose buckets were all
// full before the moment.
func deleteFull(ctx context.Context, q store.Queryer, after, last []byte, ns int64) error {
	_, err := q.Exec(ctx, `DELETE FROM quota_buckets WHERE tag > $1 AND tag <= $2
		AND full_ns < $3 AND full2_ns < $3 AND full3_ns < $3 AND full4_ns < $3`, after, last, ns)
	return err
}
