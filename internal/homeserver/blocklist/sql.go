package blocklist

import (
	"context"
	"time"

	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
)

// selectPolicy is the policy of an identity server that is kept, and of when it is. The error is
// sql.ErrNoRows where there is none.
func selectPolicy(ctx context.Context, q store.Queryer, server matrix.ServerName) (policy []byte, at time.Time, err error) {
	var ms int64
	err = q.QueryRow(ctx, `SELECT policy, ts FROM blocklist_policies WHERE server = $1`, server.String()).Scan(&policy, &ms)
	return policy, store.Time(ms), err
}

func upsertPolicy(ctx context.Context, q store.Queryer, server matrix.ServerName, p idclient.Policy) error {
	_, err := q.Exec(ctx, `INSERT INTO blocklist_policies (server, ts, policy) VALUES ($1, $2, $3)
		ON CONFLICT (server) DO UPDATE SET ts = excluded.ts, policy = excluded.policy WHERE blocklist_policies.ts <= excluded.ts`,
		server.String(), p.At.UnixMilli(), []byte(p.Signed))
	return err
}
