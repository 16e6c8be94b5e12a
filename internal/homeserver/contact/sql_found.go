package contact

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
	"signet/internal/store"
)

// sealedFinding is what is sealed of a finding.
type sealedFinding struct {
	SID          string `json:"sid"`
	ClientSecret string `json:"client_secret"`
	Address      string `json:"address"` // as of plain
}

func (c *Contacts) sealFinding(f finding) []byte {
	text, err := json.Marshal(sealedFinding{f.session.SID, f.session.ClientSecret, plain(f.address)})
	if err != nil {
		panic(err) // only for what is not UTF-8, which was read from JSON
	}
	return c.box.Seal(text, f.tag)
}

func (c *Contacts) openFinding(f *finding, sealed []byte) error {
	text, err := c.box.Open(sealed, f.tag)
	if err != nil {
		return err
	}
	var s sealedFinding
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	f.session.SID, f.session.ClientSecret = s.SID, s.ClientSecret
	f.address, err = parsePlain(s.Address)
	return err
}

// newFinding is a finding as a row has it.
type newFinding struct {
	finding
	index, sealed []byte
	due, expires  time.Time
}

func insertFinding(ctx context.Context, tx *store.Tx, f newFinding) error {
	_, err := tx.Exec(ctx, `INSERT INTO contact_found (session_tag, user_id, id_server, address_index, sealed, state, tries, due_ms, expires_ms)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		f.tag, string(f.user), string(f.server), f.index, f.sealed, string(f.state), f.tries, f.due.UnixMilli(), f.expires.UnixMilli())
	return err
}

const findings = `SELECT session_tag, user_id, id_server, state, tries, sealed FROM contact_found `

// selectFinding tells whether there is one of a session at a server that lives on after now.
func (c *Contacts) selectFinding(ctx context.Context, tag []byte, server matrix.ServerName) (f finding, found bool, err error) {
	f, err = c.scanFinding(c.DB.QueryRow(ctx, findings+`WHERE session_tag = $1 AND id_server = $2 AND expires_ms > $3`, tag, string(server), c.Now().UnixMilli()))
	if errors.Is(err, sql.ErrNoRows) {
		return finding{}, false, nil
	}
	return f, err == nil, err
}

func (c *Contacts) selectDueFindings(ctx context.Context, now time.Time, most int) (all []finding, err error) {
	rows, err := c.DB.Query(ctx, findings+`WHERE state = 'waiting' AND due_ms <= $1 AND expires_ms > $1
		ORDER BY due_ms LIMIT $2`, now.UnixMilli(), most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		f, err := c.scanFinding(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, rows.Err()
}

func (c *Contacts) scanFinding(row interface{ Scan(...any) error }) (f finding, err error) {
	var sealed []byte
	if err := row.Scan(&f.tag, &f.user, &f.server, &f.state, &f.tries, &sealed); err != nil {
		return finding{}, err
	}
	return f, c.openFinding(&f, sealed)
}

// stillSought is ErrSession where one was withdrawn, or is gone.
func stillSought(ctx context.Context, tx *store.Tx, tag []byte) error {
	var sought bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM contact_found WHERE session_tag = $1 AND state <> 'withdrawn')`, tag).Scan(&sought)
	if err == nil && !sought {
		return ErrSession
	}
	return err
}

// settleFinding has nothing more become of one by itself.
func settleFinding(ctx context.Context, q store.Queryer, tag []byte) error {
	_, err := q.Exec(ctx, `UPDATE contact_found SET state = 'done' WHERE session_tag = $1 AND state = 'waiting'`, tag)
	return err
}

func postponeFinding(ctx context.Context, q store.Queryer, tag []byte, due time.Time) error {
	_, err := q.Exec(ctx, `UPDATE contact_found SET tries = tries + 1, due_ms = $2 WHERE session_tag = $1`, tag, due.UnixMilli())
	return err
}

func hastenFindings(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `UPDATE contact_found SET due_ms = $1 WHERE state = 'waiting' AND due_ms > $1`, now.UnixMilli())
	return err
}

func withdrawFinding(ctx context.Context, tx *store.Tx, u unbinding, index []byte) error {
	_, err := tx.Exec(ctx, `UPDATE contact_found SET state = 'withdrawn' WHERE user_id = $1 AND id_server = $2 AND address_index = $3`,
		string(u.user), string(u.server), index)
	return err
}

// withdrawFindings is withdrawFinding at every server.
func withdrawFindings(ctx context.Context, tx *store.Tx, user matrix.UserID, index []byte) error {
	_, err := tx.Exec(ctx, `UPDATE contact_found SET state = 'withdrawn' WHERE user_id = $1 AND address_index = $2`, string(user), index)
	return err
}

func deleteFindingsBefore(ctx context.Context, q store.Queryer, now time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM contact_found WHERE expires_ms <= $1`, now.UnixMilli())
	return err
}
