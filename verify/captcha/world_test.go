package captcha_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"image/png"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/verify/captcha"
)

var (
	owners = []string{"seal", "captcha"}
	alice  = []byte("the tag of Alice's request")
	mallet = []byte("the tag of Mallet's request")
)

// world is a database and two replicas on it, each with a vault and a handle of its
// own.
type world struct {
	*testing.T
	url     string
	keyFile string
	db      *store.DB
	a, b    *captcha.Captcha
	clock   *clocktest.Clock
}

func each(t *testing.T, story func(w *world)) {
	storetest.EachLaidOut(t, owners, func(t *testing.T, url string) {
		w := &world{T: t, url: url, keyFile: filepath.Join(t.TempDir(), "kek"), clock: clocktest.New()}
		if _, err := seal.CreateKEK(w.keyFile, rand.Reader); err != nil {
			t.Fatal(err)
		}
		w.db = storetest.Open(t, url, nil)
		w.a = replica(t, w.db, w.keyFile, w.clock.Now)
		w.b = replica(t, storetest.Open(t, url, nil), w.keyFile, w.clock.Now)
		story(w)
		w.check()
	})
}

// replica starts afresh: all that it shares is the database and the key file.
func replica(t testing.TB, db *store.DB, keyFile string, now func() time.Time) *captcha.Captcha {
	t.Helper()
	kek, err := seal.ReadKEK(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	vault, err := seal.Open(context.Background(), db, kek, now)
	if err != nil {
		t.Fatal(err)
	}
	c, err := captcha.New(context.Background(), captcha.Options{DB: db, Vault: vault, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) open(subject []byte) captcha.Challenge {
	w.Helper()
	c, err := w.a.Open(w.Context(), subject)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w *world) openNew(subject []byte) captcha.Challenge {
	w.Helper()
	c, err := w.b.OpenNew(w.Context(), subject)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// passed is a new challenge that somebody has passed.
func (w *world) passed(subject []byte) captcha.Challenge {
	w.Helper()
	c := w.openNew(subject)
	w.pass(c.ID, w.a.Answer(c.ID), nil)
	return c
}

func (w *world) pass(id, answer string, want error) {
	w.Helper()
	if err := w.a.Pass(w.Context(), id, answer); !errors.Is(err, want) {
		w.Errorf("Pass(%q) = %v, want %v", answer, err, want)
	}
}

// wrong is an answer to the challenge that is not the right one.
func (w *world) wrong(id string) string {
	answer := []byte(w.a.Answer(id))
	answer[5] = '0' + (answer[5]-'0'+1)%10
	return string(answer)
}

// use runs Spend or Check in a transaction of its own.
type use func(c *captcha.Captcha, ctx context.Context, tx *store.Tx, id string, subject []byte) error

var spend, check use = (*captcha.Captcha).Spend, (*captcha.Captcha).Check

func (w *world) try(u use, id string, subject []byte) error {
	return w.db.Tx(w.Context(), func(tx *store.Tx) error { return u(w.b, w.Context(), tx, id, subject) })
}

func (w *world) use(u use, id string, subject []byte, want error) {
	w.Helper()
	if err := w.try(u, id, subject); !errors.Is(err, want) {
		w.Errorf("using it up = %v, want %v", err, want)
	}
}

func (w *world) spendAny(subject []byte, want bool) (id string) {
	w.Helper()
	var spent bool
	err := w.db.Tx(w.Context(), func(tx *store.Tx) (err error) {
		id, spent, err = w.a.SpendAny(w.Context(), tx, subject)
		return err
	})
	if err != nil || spent != want || spent != (id != "") {
		w.Errorf("SpendAny = %q, %t, %v; want %t", id, spent, err, want)
	}
	return id
}

// row is a challenge as the table holds it.
type row struct {
	id                                                        string
	subject, image                                            []byte
	created, expires, tries, readings, passed, checked, spent int64
}

func (w *world) rows() (found []row) {
	w.Helper()
	rows, err := w.db.Query(context.Background(), `SELECT id, subject, image, created_ms, expires_ms, tries, readings,
		passed_ms, checked_ms, spent_ms FROM captcha_challenges`)
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.id, &r.subject, &r.image, &r.created, &r.expires, &r.tries, &r.readings,
			&r.passed, &r.checked, &r.spent); err != nil {
			w.Fatal(err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	return found
}

// row is the only one there is.
func (w *world) row() row {
	w.Helper()
	rows := w.rows()
	if len(rows) != 1 {
		w.Fatalf("%d rows, want 1", len(rows))
	}
	return rows[0]
}

// check states what holds at every moment.
func (w *world) check() {
	w.Helper()
	for _, r := range w.rows() {
		if r.tries < 0 || r.tries > 5 || r.readings < 0 || r.readings > 5 {
			w.Errorf("%d tries and %d readings are counted, of five each", r.tries, r.readings)
		}
		if r.passed == 0 && (r.checked != 0 || r.spent != 0) || r.passed != 0 && r.tries == 0 {
			w.Errorf("a challenge was used but not passed, or passed but not tried: %+v", r)
		}
		since := r.created
		if r.passed != 0 {
			since = r.passed
		}
		if r.expires-since != 10*60*1000 || r.passed > r.created+10*60*1000 || max(r.checked, r.spent) >= r.expires {
			w.Errorf("a challenge outlived its ten minutes: %+v", r)
		}
		image, err := captcha.Picture(w.b, context.Background(), r.id)
		if err != nil {
			w.Errorf("the picture of a challenge does not open: %v", err)
		}
		picture, err := png.Decode(bytes.NewReader(image))
		if err != nil || picture.Bounds().Dx() != captcha.Width || picture.Bounds().Dy() != captcha.Height {
			w.Errorf("the picture of a challenge is %v, %v", picture, err)
		}
	}
}

// dump is every column of every row, as text.
func (w *world) dump() string {
	w.Helper()
	rows, err := w.db.Query(context.Background(), "SELECT * FROM captcha_challenges")
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		w.Fatal(err)
	}
	var all strings.Builder
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			w.Fatal(err)
		}
		for i, v := range values {
			value := *v.(*any)
			if octets, ok := value.([]byte); ok {
				value = string(octets)
			}
			fmt.Fprintf(&all, "%s=%v\n", columns[i], value)
		}
	}
	return all.String()
}
