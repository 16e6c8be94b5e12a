package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"signet/internal/store"
)

// database is an empty database when it is new: a file, or a schema of its own at a
// PostgreSQL.
type database struct {
	url  string
	file string // empty: it is none
	fast string // folder in memory where the file is until calm, if it is
	drop func() // ends it
}

// databaseFile is the name of the file.
const databaseFile = "server.db"

// memory is a folder of files that the disk never sees, and hurried begins the names of
// this program's folders there.
const memory = "/dev/shm"

var hurried = fmt.Sprintf("signet-load-%d.", os.Getpid())

func newDatabase(ctx context.Context, postgres, dir string) (*database, error) {
	if postgres == "" {
		d := &database{file: filepath.Join(dir, databaseFile)}
		d.url, d.drop = "sqlite:"+d.file, d.forget
		return d, nil
	}
	u, err := url.Parse(postgres)
	if err != nil {
		return nil, errors.New("SIGNET_TEST_POSTGRES is not a URL") // the cause may quote the password
	}
	schema := `"load_` + rand.Text() + `"`
	if err := administer(ctx, postgres, "CREATE SCHEMA "+schema); err != nil {
		return nil, err
	}
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return &database{url: u.String(), drop: func() {
		if err := administer(context.WithoutCancel(ctx), postgres, "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			progress("schema %s is not dropped: %v", schema, err)
		}
	}}, nil
}

func administer(ctx context.Context, postgres, statement string) error {
	db, err := store.Open(ctx, postgres)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(ctx, statement)
	return err
}

// hurry keeps a file in memory until calm, if the machine can. What is written there is
// the same, and waits for no disk.
func (d *database) hurry() (err error) {
	if info, err := os.Stat(memory); d.file == "" || err != nil || !info.IsDir() {
		return nil
	}
	if d.fast, err = os.MkdirTemp(memory, hurried); err != nil {
		return err
	}
	d.url = "sqlite:" + filepath.Join(d.fast, databaseFile)
	return nil
}

// calm puts the file where it belongs. Nobody has it open.
func (d *database) calm() error {
	if d.fast == "" {
		return nil
	}
	defer d.forget()
	d.url = "sqlite:" + d.file
	return copyFile(filepath.Join(d.fast, databaseFile), d.file)
}

func (d *database) forget() {
	if d.fast != "" {
		_ = os.RemoveAll(d.fast)
	}
}

// copyFile copies a file to another file system, down to the disk.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
