package movein

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Ranks of Sydent's tables.
const (
	globalRank rank = iota
	localRank
)

// ReadSydent reads a database of Sydent, of any version of its schema.
//
// What was bound there stands in local_threepid_associations, one row an address;
// where the binding was taken back, mxid is NULL and ts the time of that. The signed
// copy in global_threepid_associations, which look-ups are answered from, follows
// later. So a local row decides about its address, whatever a copy says, and a copy
// counts where there is no local row. Copies that other servers signed stay behind:
// their owners would take them back there, and nobody would tell us.
func ReadSydent(ctx context.Context, path string, o Options) (*Load, error) {
	return readDatabase(ctx, path, o, (*database).sydent)
}

// readDatabase reads a database by the manner of one server.
func readDatabase(ctx context.Context, path string, o Options, read func(*database, context.Context, *reader) error) (*Load, error) {
	db, err := openDatabase(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	r := newReader(o, db.written)
	if err := errors.Join(read(db, ctx, r), db.close()); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return r.done(), nil
}

func (db *database) sydent(ctx context.Context, r *reader) error {
	for _, step := range []func(context.Context, *reader) error{
		db.sydentLocal, db.sydentGlobal, db.sydentTerms, db.sydentStays,
	} {
		if err := step(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (db *database) sydentLocal(ctx context.Context, r *reader) error {
	const table = "local_threepid_associations"
	if err := db.need(ctx, table, "medium", "address", "mxid", "ts", "notAfter"); err != nil {
		return err
	}
	return db.each(ctx, `SELECT rowid, COALESCE(CAST(medium AS TEXT), ''), COALESCE(CAST(address AS TEXT), ''),
		CAST(mxid AS TEXT), COALESCE(CAST(ts AS INTEGER), 0), COALESCE(CAST(notAfter AS INTEGER), 0)
		FROM local_threepid_associations ORDER BY rowid`, func(rows *sql.Rows) error {
		in := row{Place: Place{Table: table}, rank: localRank}
		var user sql.NullString
		var notAfter int64
		if err := rows.Scan(&in.Row, &in.medium, &in.address, &user, &in.bound, &notAfter); err != nil {
			return err
		}
		in.user, in.taken = user.String, !user.Valid
		r.addUntil(in, notAfter)
		return nil
	})
}

func (db *database) sydentGlobal(ctx context.Context, r *reader) error {
	const table = "global_threepid_associations"
	if err := db.need(ctx, table, "medium", "address", "mxid", "ts", "notAfter", "originServer"); err != nil {
		return err
	}
	return db.each(ctx, `SELECT rowid, COALESCE(CAST(medium AS TEXT), ''), COALESCE(CAST(address AS TEXT), ''),
		COALESCE(CAST(mxid AS TEXT), ''), COALESCE(CAST(ts AS INTEGER), 0), COALESCE(CAST(notAfter AS INTEGER), 0),
		COALESCE(CAST(originServer AS TEXT), '')
		FROM global_threepid_associations ORDER BY rowid`, func(rows *sql.Rows) error {
		in := row{Place: Place{Table: table}, rank: globalRank}
		var notAfter int64
		var origin string
		if err := rows.Scan(&in.Row, &in.medium, &in.address, &in.user, &in.bound, &notAfter, &origin); err != nil {
			return err
		}
		if origin != r.Name {
			r.count()
			r.leave(in.Place, Elsewhere)
			return nil
		}
		r.addUntil(in, notAfter)
		return nil
	})
}

// addUntil adds a row that holds until notAfter, in milliseconds; 0 is for good. One
// that has expired says nothing, not even that nobody is bound.
func (r *reader) addUntil(in row, notAfter int64) {
	if !in.taken && notAfter > 0 && time.UnixMilli(notAfter).Before(r.Now) {
		r.count()
		r.leave(in.Place, Expired)
		return
	}
	r.add(in)
}

// sydentTerms reads what versions before 4 of the schema do not have. It was kept
// without a time.
func (db *database) sydentTerms(ctx context.Context, r *reader) error {
	const table = "accepted_terms_urls"
	if missing, err := db.has(ctx, table, "user_id", "url"); missing != "" || err != nil {
		return err
	}
	return db.each(ctx, `SELECT rowid, COALESCE(CAST(user_id AS TEXT), ''), COALESCE(CAST(url AS TEXT), '')
		FROM accepted_terms_urls ORDER BY rowid`, func(rows *sql.Rows) error {
		p := Place{Table: table}
		var user, url string
		if err := rows.Scan(&p.Row, &user, &url); err != nil {
			return err
		}
		r.accept(p, user, url, 0)
		return nil
	})
}

func (db *database) sydentStays(ctx context.Context, r *reader) error {
	return db.stays(ctx, r.load,
		Stay{What: "pending invitations", Why: signedThere, table: "invite_tokens", where: "sent_ts IS NULL"},
		Stay{What: "accounts", Why: tokensThere, table: "accounts"},
		Stay{What: "sessions", Why: sessionsThere, table: "threepid_validation_sessions"})
}

// Why tables stay behind.
const (
	signedThere   = "the rooms know them by the other server's keys"
	tokensThere   = "clients ask for a new token by themselves"
	sessionsThere = "they name no user"
)
