package contact

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// selectMedia is what a server has said last; of one that has said nothing there is no row.
func selectMedia(ctx context.Context, q store.Queryer, server matrix.ServerName) (m media, err error) {
	var text string
	err = q.QueryRow(ctx, `SELECT media FROM contact_media WHERE id_server = $1`, string(server)).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return media{}, nil
	}
	for name := range strings.FieldsSeq(text) {
		m.all = append(m.all, threepid.Medium(name))
	}
	m.said = true
	return m, err
}

func putMedia(ctx context.Context, tx *store.Tx, server matrix.ServerName, m media) error {
	if !m.said {
		_, err := tx.Exec(ctx, `DELETE FROM contact_media WHERE id_server = $1`, string(server))
		return err
	}
	names := make([]string, len(m.all))
	for i, name := range m.all {
		names[i] = string(name)
	}
	_, err := tx.Exec(ctx, `INSERT INTO contact_media (id_server, media) VALUES ($1, $2)
		ON CONFLICT (id_server) DO UPDATE SET media = excluded.media`, string(server), strings.Join(names, " "))
	return err
}
