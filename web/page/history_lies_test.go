package page_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/people"
	"signet/keys/proof"
	"signet/keys/vrf"
	"signet/web/page"
)

// liar is a log that answers as edit leaves it, or not at all.
type liar struct {
	page.Log
	edit func(l entry.Label, h *proof.History)
	err  error
	// left is how many histories may be asked for yet, if it is not nil.
	left *int
}

func (l *liar) AskHistory(ctx context.Context, by people.Asker, label entry.Label, part people.Page) error {
	if l.left == nil {
		return l.Log.AskHistory(ctx, by, label, part)
	}
	if *l.left--; *l.left < 0 || !by.Network.IsValid() {
		return matrix.LimitExceeded{RetryAfter: time.Hour}
	}
	return nil
}

func (l *liar) History(ctx context.Context, label entry.Label, part people.Page, last int64) (*proof.History, error) {
	if l.err != nil {
		return nil, l.err
	}
	h, err := l.Log.History(ctx, label, part, last)
	if err == nil && l.edit != nil {
		l.edit(label, h)
	}
	return h, err
}

// A history that does not fit the log is not shown as one, and the owner is told loudly:
// wherever it was changed, in the answer, in the tables or in the trust root.
func TestAHistoryThatLies(t *testing.T) {
	lies := &liar{}
	w := newWorld(t, func(o *page.Options) { lies.Log, o.Log = o.Log, lies })
	w.bound("alice@example.org", "@mallory:example.org")
	w.publish(0, "a0", "")
	w.seal()
	w.bound("alice@example.org", "@alice:example.org")
	w.seal()
	binding := func(edit func(h *proof.History)) func(l entry.Label, h *proof.History) {
		return func(l entry.Label, h *proof.History) {
			if l.Medium() == entry.Binding {
				edit(h)
			}
		}
	}
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "All is well").wantTold([]string{"@alice:"}, []string{"@mallory:"}, []string{"Keys published"})
	for name, c := range map[string]struct {
		edit func(l entry.Label, h *proof.History)
		why  string
	}{
		"somebody else in a binding": {binding(func(h *proof.History) {
			h.Versions[1].Value = bytes.Replace(h.Versions[1].Value, []byte("@alice:"), []byte("@aline:"), 1)
		}), "7 opening"},
		"the newest hidden":      {binding(func(h *proof.History) { h.Versions = h.Versions[:1] }), "6 ladder"},
		"a past one erased":      {binding(func(h *proof.History) { h.Versions[0] = h.Versions[1] }), "6 ladder"},
		"another entry's number": {binding(func(h *proof.History) { h.Versions[1].Place.Position++ }), "6 ladder"},
		"keys that never were": {func(l entry.Label, h *proof.History) {
			if l.Medium() == entry.Email {
				h.Versions = append(h.Versions, h.Versions[0])
			}
		}, "6 ladder"},
		"another log for the keys": {func(l entry.Label, h *proof.History) {
			if l.Medium() == entry.Email {
				h.Consistency = append(h.Consistency, proof.Hash{1})
			}
		}, "5 consistency"},
		"what is no history": {binding(func(h *proof.History) { h.Versions[0].Map.Depth = 300 }), "not a proof"},
	} {
		lies.edit = c.edit
		shown.press(ownerForm).wantRefused(name, c.why)
	}
	lies.edit = nil
	shown.press(ownerForm).says(http.StatusOK, "All is well")

	honest := w.config
	another, err := vrf.NewPrivateKey(keyOf("another").Seed())
	w.must(err)
	w.config.VRF = proof.Hash(another.Public().Bytes())
	shown.press(ownerForm).wantRefused("another VRF key", "6 ladder")
	w.config = honest
	w.clock.Advance(2 * time.Hour)
	w.ownerOf("alice@example.org").wantRefused("a log that stands still", "3 times")
	w.seal()
	w.clock.Advance(-time.Hour)
	w.ownerOf("alice@example.org").wantRefused("a clock that was set back", "3 times")
	w.clock.Advance(time.Hour)

	shown = w.ownerOf("alice@example.org").says(http.StatusOK, "All is well")
	w.exec(`UPDATE people_versions SET value_sealed = (SELECT value_sealed FROM people_versions WHERE position = 1) WHERE position = 4`)
	shown.press(ownerForm).wantRefused("a row with another's value", "not what was logged")
	w.exec(`DELETE FROM people_versions WHERE position = 4`)
	shown.press(ownerForm).wantRefused("a row that is missing", "not what was logged")
}
