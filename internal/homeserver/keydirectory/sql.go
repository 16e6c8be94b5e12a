package keydirectory

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/keys/proof"
)

// selectRoot is the trust root that is kept. The error is sql.ErrNoRows where there is none.
func selectRoot(ctx context.Context, q store.Queryer, server matrix.ServerName) (config []byte, err error) {
	err = q.QueryRow(ctx, `SELECT config FROM keydirectory_roots WHERE server = $1`, server.String()).Scan(&config)
	return config, err
}

func insertRoot(ctx context.Context, q store.Queryer, server matrix.ServerName, config []byte, now time.Time) (first bool, err error) {
	return store.Changed(q.Exec(ctx, `INSERT INTO keydirectory_roots (server, config, ts) VALUES ($1, $2, $3) ON CONFLICT (server) DO NOTHING`,
		server.String(), config, store.Millis(now)))
}

// updateRoot puts what follows on a trust root in its place, unless another has come there
// meanwhile: the operator's, or what somebody else has learned. That it is there is as good.
func updateRoot(ctx context.Context, q store.Queryer, server matrix.ServerName, was, config []byte, now time.Time) (kept bool, err error) {
	return store.Changed(q.Exec(ctx, `UPDATE keydirectory_roots SET config = $2, ts = $3 WHERE server = $1 AND config IN ($2, $4)`,
		server.String(), config, store.Millis(now), was))
}

func replaceRoot(ctx context.Context, q store.Queryer, server matrix.ServerName, config []byte, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO keydirectory_roots (server, config, ts) VALUES ($1, $2, $3)
		ON CONFLICT (server) DO UPDATE SET config = excluded.config, ts = excluded.ts`, server.String(), config, store.Millis(now))
	return err
}

// forgetLogs forgets all that was seen of logs.
func forgetLogs(ctx context.Context, q store.Queryer, users, servers string) error {
	for _, table := range []string{"heads", "versions", "documents", "own"} {
		if _, err := q.Exec(ctx, `DELETE FROM keydirectory_`+table+` WHERE origin IN ($1, $2)`, users, servers); err != nil {
			return err
		}
	}
	return nil
}

// selectHead is the last that was seen of a log, nil for nothing.
func selectHead(ctx context.Context, q store.Queryer, origin string) (*tlog.Tree, error) {
	var text []byte
	err := q.QueryRow(ctx, `SELECT head FROM keydirectory_heads WHERE origin = $1`, origin).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	head, err := proof.ParseHead(origin, text)
	return &head, err
}

func upsertHead(ctx context.Context, q store.Queryer, origin string, head tlog.Tree) error {
	_, err := q.Exec(ctx, `INSERT INTO keydirectory_heads (origin, size, head) VALUES ($1, $2, $3)
		ON CONFLICT (origin) DO UPDATE SET size = excluded.size, head = excluded.head WHERE keydirectory_heads.size < excluded.size`,
		origin, head.N, proof.FormatHead(origin, head))
	return err
}

// selectVersion is the newest that was seen of a label, nil for none.
func selectVersion(ctx context.Context, q store.Queryer, origin, label string) (*uint32, error) {
	var version uint32
	err := q.QueryRow(ctx, `SELECT version FROM keydirectory_versions WHERE origin = $1 AND label = $2`, origin, label).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &version, err
}

func upsertVersion(ctx context.Context, q store.Queryer, origin, label string, version uint32, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO keydirectory_versions (origin, label, version, ts) VALUES ($1, $2, $3, $4)
		ON CONFLICT (origin, label) DO UPDATE SET version = excluded.version, ts = excluded.ts WHERE keydirectory_versions.version <= excluded.version`,
		origin, label, int64(version), store.Millis(now))
	return err
}

const alarmColumns = `id, kind, subject, step, reason, raised, ended, word`

// selectSame is the alarm that stands for the same already: a log that is late is so for all.
func selectSame(ctx context.Context, q store.Queryer, a Alarm) (id int64, stands bool, err error) {
	err = q.QueryRow(ctx, `SELECT id FROM keydirectory_alarms WHERE server = $1 AND ended = 0 AND kind = $2 AND (subject = $3 OR step = $5) AND step = $4`,
		a.Server.String(), string(a.Kind), a.Subject, a.Step, string(proof.StepTimes)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return id, err == nil, err
}

func insertAlarm(ctx context.Context, q store.Queryer, a Alarm, evidence []byte) (id int64, err error) {
	if evidence == nil {
		evidence = []byte{}
	}
	err = q.QueryRow(ctx, `INSERT INTO keydirectory_alarms (server, `+alarmColumns+`, evidence)
		SELECT $1, COALESCE(MAX(id), 0) + 1, $2, $3, $4, $5, $6, 0, '', $7 FROM keydirectory_alarms WHERE id > 0 RETURNING id`,
		a.Server.String(), string(a.Kind), a.Subject, a.Step, a.Reason, store.Millis(a.Raised), evidence).Scan(&id)
	return id, err
}

func scanAlarm(server matrix.ServerName) func(*sql.Rows) (Alarm, error) {
	return func(rows *sql.Rows) (Alarm, error) {
		a := Alarm{Server: server}
		var raised, ended int64
		err := rows.Scan(&a.ID, &a.Kind, &a.Subject, &a.Step, &a.Reason, &raised, &ended, &a.Word)
		a.Raised, a.Ended = store.Time(raised), store.Time(ended)
		return a, err
	}
}

func selectAlarms(ctx context.Context, q store.Queryer, server matrix.ServerName, standing bool) ([]Alarm, error) {
	return store.Collect(ctx, q, scanAlarm(server), `SELECT `+alarmColumns+` FROM keydirectory_alarms WHERE server = $1 AND (ended = 0 OR NOT $2)
		ORDER BY id DESC LIMIT 1000`, server.String(), standing)
}

// selectStopping is an alarm that stands against what is of a kind, one of a late log only where
// there is no other.
func selectStopping(ctx context.Context, q store.Queryer, server matrix.ServerName, kind Kind) ([]Alarm, error) {
	return store.Collect(ctx, q, scanAlarm(server), `SELECT `+alarmColumns+` FROM keydirectory_alarms WHERE server = $1 AND ended = 0 AND kind IN ($2, $3)
		ORDER BY CASE WHEN step = $4 THEN 1 ELSE 0 END, id DESC LIMIT 1`, server.String(), string(kind), string(Root), string(proof.StepTimes))
}

func countStanding(ctx context.Context, q store.Queryer, server matrix.ServerName, kind Kind) (n int, err error) {
	err = q.QueryRow(ctx, `SELECT COUNT(*) FROM keydirectory_alarms WHERE server = $1 AND ended = 0 AND kind = $2`, server.String(), string(kind)).Scan(&n)
	return n, err
}

func selectEvidence(ctx context.Context, q store.Queryer, server matrix.ServerName, id int64) (evidence []byte, err error) {
	err = q.QueryRow(ctx, `SELECT evidence FROM keydirectory_alarms WHERE server = $1 AND id = $2`, server.String(), id).Scan(&evidence)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoAlarm
	}
	return evidence, err
}

func endAlarm(ctx context.Context, q store.Queryer, server matrix.ServerName, id int64, now time.Time, word string) (ended bool, err error) {
	return store.Changed(q.Exec(ctx, `UPDATE keydirectory_alarms SET ended = $3, word = $4 WHERE server = $1 AND id = $2 AND ended = 0`,
		server.String(), id, store.Millis(now), word))
}

func endLate(ctx context.Context, q store.Queryer, server matrix.ServerName, kind Kind, now time.Time) error {
	_, err := q.Exec(ctx, `UPDATE keydirectory_alarms SET ended = $4, word = 'the log goes on' WHERE server = $1 AND kind = $2 AND step = $3 AND ended = 0`,
		server.String(), string(kind), string(proof.StepTimes), store.Millis(now))
	return err
}

// upsertDocument keeps the newest document of a server.
func upsertDocument(ctx context.Context, q store.Queryer, origin string, server matrix.ServerName, k ServerKeys, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO keydirectory_documents (origin, server, position, document, ts) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (origin, server) DO UPDATE SET position = excluded.position, document = excluded.document, ts = excluded.ts
		WHERE keydirectory_documents.position <= excluded.position`,
		origin, server.String(), k.Position, []byte(k.Proven), store.Millis(now))
	return err
}

// selectDocument is nil where there is none.
func selectDocument(ctx context.Context, q store.Queryer, origin string, server matrix.ServerName) (document []byte, err error) {
	err = q.QueryRow(ctx, `SELECT document FROM keydirectory_documents WHERE origin = $1 AND server = $2`, origin, server.String()).Scan(&document)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return document, err
}

// selectOwn is the zero value where nothing is known.
func selectOwn(ctx context.Context, q store.Queryer, origin string) (s OwnState, err error) {
	var held int64
	err = q.QueryRow(ctx, `SELECT key_id, position, held_until, looked FROM keydirectory_own WHERE origin = $1`, origin).Scan(&s.KeyID, &s.Position, &held, &s.looked)
	if errors.Is(err, sql.ErrNoRows) {
		return OwnState{}, nil
	}
	s.HeldUntil = store.Time(held)
	return s, err
}

func upsertOwn(ctx context.Context, q store.Queryer, origin string, s OwnState) error {
	_, err := q.Exec(ctx, `INSERT INTO keydirectory_own (origin, key_id, position, held_until, looked) VALUES ($1, $2, $3, $4, 0)
		ON CONFLICT (origin) DO UPDATE SET key_id = excluded.key_id, position = excluded.position, held_until = excluded.held_until`,
		origin, string(s.KeyID), s.Position, store.Millis(s.HeldUntil))
	return err
}

func updateLooked(ctx context.Context, q store.Queryer, origin string, looked int64) error {
	_, err := q.Exec(ctx, `INSERT INTO keydirectory_own (origin, key_id, position, held_until, looked) VALUES ($1, '', 0, 0, $2)
		ON CONFLICT (origin) DO UPDATE SET looked = excluded.looked WHERE keydirectory_own.looked < excluded.looked`, origin, looked)
	return err
}

func deleteDocuments(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM keydirectory_documents WHERE ts < $1`, store.Millis(before))
	return err
}

func deleteVersions(ctx context.Context, q store.Queryer, before time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM keydirectory_versions WHERE ts < $1`, store.Millis(before))
	return err
}
