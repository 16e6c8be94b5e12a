package deliver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func newMailbox(t *testing.T, dir string) *Mailbox {
	t.Helper()
	m, err := NewMailbox(dir, func() time.Time { return morning }) // time stands still
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func store(t *testing.T, m *Mailbox, id, text string) {
	t.Helper()
	if err := m.SendEmail(context.Background(), Email{ID: id, To: address(t, alice), Subject: "Code\r\n", Text: text}); err != nil {
		t.Fatalf("SendEmail(%q) = %v", id, err)
	}
}

// listed is the ids in the mailbox, newest first.
func listed(t *testing.T, m *Mailbox) []string {
	t.Helper()
	messages, err := m.List()
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	var ids []string
	for _, message := range messages {
		ids = append(ids, message.ID)
	}
	return ids
}

func TestMailbox(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on", "demand")
	m := newMailbox(t, dir)
	store(t, m, "first", "11111111")
	if err := m.SendSMS(context.Background(), SMS{ID: "second", To: phone(t), Text: "222222"}); err != nil {
		t.Fatal(err)
	}
	store(t, m, "third", "33333333")

	m = newMailbox(t, dir) // another process
	store(t, m, "fourth", "44444444")
	if got := strings.Join(listed(t, m), " "); got != "fourth third second first" {
		t.Errorf("List = %s, want fourth third second first", got)
	}
	want := Stored{ID: "second", Kind: "sms", To: "447400123456", Text: "222222", At: morning}
	if got, err := m.Get("second"); err != nil || got != want {
		t.Errorf("Get(second) = %+v, %v, want %+v", got, err, want)
	}
	want = Stored{ID: "first", Kind: "email", To: alice, Subject: "Code", Text: "11111111", At: morning}
	if got, err := m.Get("first"); err != nil || got != want {
		t.Errorf("Get(first) = %+v, %v, want %+v", got, err, want)
	}
}

func TestMailboxKeepsToItsDirectory(t *testing.T) {
	outer := t.TempDir()
	m := newMailbox(t, filepath.Join(outer, "mailbox"))
	names := []string{"../escape", "/etc/passwd", "a/b", "", ".", "x\x00y", strings.Repeat("long", 1000), "*", "[a-"}
	for _, id := range names {
		store(t, m, id, "text of "+id)
	}
	for _, id := range names {
		if got, err := m.Get(id); err != nil || got.Text != "text of "+id {
			t.Errorf("Get(%.20q) = %.40q, %v", id, got.Text, err)
		}
	}
	if entries, err := os.ReadDir(outer); err != nil || len(entries) != 1 {
		t.Errorf("%d entries beside the mailbox, %v", len(entries)-1, err)
	}
	files, err := os.ReadDir(filepath.Join(outer, "mailbox"))
	if err != nil || len(files) != len(names) {
		t.Fatalf("%d files for %d messages, %v", len(files), len(names), err)
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil || info.Mode().Perm() != 0o600 || !storedName.MatchString(file.Name()) {
			t.Errorf("file %s has mode %v, %v, want 0600", file.Name(), info.Mode(), err)
		}
	}
}

func TestMailboxUnknownMessage(t *testing.T) {
	m := newMailbox(t, t.TempDir())
	store(t, m, "first", "x")
	for _, id := range []string{"", "second", "firs", "*"} {
		if _, err := m.Get(id); !errors.Is(err, ErrNoMessage) {
			t.Errorf("Get(%q) = %v, want %v", id, err, ErrNoMessage)
		}
	}
}

func TestMailboxSentTwiceIsThereTwice(t *testing.T) {
	m := newMailbox(t, t.TempDir())
	store(t, m, "same", "older")
	store(t, m, "same", "newer")
	if got := listed(t, m); len(got) != 2 {
		t.Errorf("List = %q, want two messages", got)
	}
	if got, err := m.Get("same"); err != nil || got.Text != "newer" {
		t.Errorf("Get(same) = %q, %v, want the newer", got.Text, err)
	}
}

func TestMailboxKeepsTheNewest(t *testing.T) {
	dir := t.TempDir()
	for i := range maxStored {
		name := fileName(int64(i), fmt.Sprint(i))
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, `{"id":"%d"}`, i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := newMailbox(t, dir)
	store(t, m, "newest", "x")
	got := listed(t, m)
	if len(got) != maxStored || got[0] != "newest" || got[len(got)-1] != "1" {
		t.Errorf("%d messages from %s to %s, want %d from newest to 1", len(got), got[0], got[len(got)-1], maxStored)
	}
}

func TestMailboxForgetsWhatWasNeverAcknowledged(t *testing.T) {
	dir := t.TempDir()
	half := filepath.Join(dir, ".unfinished-123")
	for _, name := range []string{half, filepath.Join(dir, "notes.txt")} {
		if err := os.WriteFile(name, []byte(`{"id":"ha`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := newMailbox(t, dir)
	if got := listed(t, m); len(got) != 0 {
		t.Errorf("List = %q, want nothing", got)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unfinished file is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Errorf("a file that is not the mailbox's is gone: %v", err)
	}
}

func TestMailboxThatCannotWriteSaysSo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mailbox")
	m := newMailbox(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	err := m.SendSMS(context.Background(), SMS{ID: "1", To: phone(t), Text: "secret"})
	if err == nil || strings.Contains(err.Error(), "7400") || strings.Contains(err.Error(), "secret") {
		t.Errorf("SendSMS = %v, want an error that tells nothing of the message", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := newMailbox(t, dir).SendSMS(ctx, SMS{ID: "1", To: phone(t)}); !errors.Is(err, context.Canceled) {
		t.Errorf("SendSMS = %v, want %v", err, context.Canceled)
	}
}

func TestMailboxTakesManyAtOnce(t *testing.T) {
	m := newMailbox(t, t.TempDir())
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 5 {
				store(t, m, fmt.Sprint(i, j), "x")
				if _, err := m.List(); err != nil {
					t.Errorf("List: %v", err)
				}
			}
		})
	}
	group.Wait()
	if got := len(listed(t, m)); got != 40 {
		t.Errorf("%d messages, want 40", got)
	}
}
