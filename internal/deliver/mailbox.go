package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrNoMessage is the error of a message that the mailbox does not hold.
var ErrNoMessage = errors.New("no such message")

// maxStored is how many messages a Mailbox keeps; older ones make room.
const maxStored = 500

// Mailbox is where messages land in development instead of leaving the machine.
// It is a directory with one file a message: what was acknowledged survives the
// process, however that ends.
type Mailbox struct {
	dir   string
	clock func() time.Time

	mu   sync.Mutex // makes writers take turns, so that names tell the order of arrival
	last int64      // the time in the newest name, in nanoseconds
}

// Stored is a message in a Mailbox.
type Stored struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"` // "email" or "sms"
	To      string    `json:"to"`
	Subject string    `json:"subject,omitempty"`
	Text    string    `json:"text"`
	HTML    string    `json:"html,omitempty"`
	At      time.Time `json:"at"`
}

// NewMailbox opens the mailbox in dir, which it makes if needed, readable by its
// owner only.
func NewMailbox(dir string, clock func() time.Time) (*Mailbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening mailbox: %w", err)
	}
	if err := removeUnfinished(dir); err != nil {
		return nil, fmt.Errorf("opening mailbox: %w", err)
	}
	m := &Mailbox{dir: dir, clock: clock}
	names, err := m.names()
	if err != nil {
		return nil, err
	}
	if len(names) > 0 {
		m.last = stamp(names[0])
	}
	return m, nil
}

// SendEmail stores a message instead of sending it. On nil it is durable.
func (m *Mailbox) SendEmail(ctx context.Context, e Email) error {
	return m.store(ctx, Stored{ID: e.ID, Kind: "email", To: e.To.String(), Subject: headline(e.Subject), Text: e.Text, HTML: e.HTML})
}

// SendSMS stores a message instead of sending it. On nil it is durable.
func (m *Mailbox) SendSMS(ctx context.Context, s SMS) error {
	return m.store(ctx, Stored{ID: s.ID, Kind: "sms", To: s.To.String(), Text: s.Text})
}

// List gives the messages, newest first, at most 500. A message that was sent
// twice is there twice.
func (m *Mailbox) List() ([]Stored, error) {
	names, err := m.names()
	if err != nil {
		return nil, err
	}
	messages := make([]Stored, 0, len(names))
	for _, name := range names {
		message, err := m.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it made room while we were reading
		}
		if err != nil {
			return nil, err
		}
		messages = append(messages, message)
	}
	return messages, nil
}

// Get gives the newest message with an id, or ErrNoMessage.
func (m *Mailbox) Get(id string) (Stored, error) {
	names, err := m.names()
	if err != nil {
		return Stored{}, err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, "-"+digest(id)+".json") {
			continue
		}
		message, err := m.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		return message, err
	}
	return Stored{}, ErrNoMessage
}

func (m *Mailbox) store(ctx context.Context, s Stored) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("storing message: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.At = m.clock()
	arrival := max(s.At.UnixNano(), m.last+1)
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("storing message: %w", err)
	}
	if err := m.makeRoom(); err != nil {
		return err
	}
	if err := writeFile(m.dir, fileName(arrival, s.ID), content); err != nil {
		return fmt.Errorf("storing message: %w", err)
	}
	m.last = arrival
	return nil
}

// makeRoom removes the oldest messages until one more fits.
func (m *Mailbox) makeRoom() error {
	names, err := m.names()
	if err != nil || len(names) < maxStored {
		return err
	}
	for _, name := range names[maxStored-1:] {
		if err := os.Remove(filepath.Join(m.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("making room in mailbox: %w", err)
		}
	}
	return nil
}

var storedName = regexp.MustCompile(`^[0-9]{19}-[0-9a-f]{32}\.json$`)

// fileName orders files by arrival and finds them by id, and holds nothing of what
// a message says.
func fileName(arrival int64, id string) string {
	return fmt.Sprintf("%019d-%s.json", arrival, digest(id))
}

func stamp(name string) int64 {
	var arrival int64
	_, _ = fmt.Sscanf(name[:19], "%d", &arrival) // digits, by storedName
	return arrival
}

// names gives the files of the mailbox, newest first.
func (m *Mailbox) names() ([]string, error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, fmt.Errorf("reading mailbox: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if storedName.MatchString(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	slices.Reverse(names) // ReadDir sorts
	return names, nil
}

func (m *Mailbox) read(name string) (Stored, error) {
	content, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		return Stored{}, fmt.Errorf("reading message: %w", err)
	}
	var s Stored
	if err := json.Unmarshal(content, &s); err != nil {
		return Stored{}, fmt.Errorf("reading message %s: %w", name, err)
	}
	return s, nil
}
