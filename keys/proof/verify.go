package proof

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/prefixtree"
	"signet/keys/value"
)

// Asked is what was asked, and what the asker knows from before.
type Asked struct {
	// Label is medium, colon and address as people write them.
	Label string
	// Head is the last one that was seen of the log, nil for none; it has at least one entry.
	Head *tlog.Tree
	// Version is the newest that was seen of the label, nil for none.
	Version *uint32
	// From is the version with which a page of a History begins.
	From uint32
	// Previous is the value of the version before the newest, of a History before From, and
	// PreviousKeys are its keys for who has these alone. Nil if they are not known; then prev is
	// not verified.
	Previous     *value.User
	PreviousKeys map[value.KeyID][]byte
}

// Result is what a Lookup has shown. The Head and, if Present, the Version are to be
// remembered for the next Asked.
type Result struct {
	Label   entry.Label
	Head    tlog.Tree
	Sealed  time.Time // of the Head
	Present bool
	Version uint32
	Value   value.Value // nil if not Present
	// Reset says that there was a version before and that no key of it has signed this one:
	// people should be told. Whether prev is right is known only if Asked had what it takes.
	Reset bool
	// Revoked says that the server has revoked the key since by which it signed the Value, which
	// was in the log before.
	Revoked bool
	Held    []Line
}

var (
	// ErrVRF is the error of a rung that is not proven to be the label's.
	ErrVRF = errors.New("the index is not that of the label")
	// ErrOlder is the error of a version that is older than one that was seen.
	ErrOlder = errors.New("a newer version was seen before")
	// ErrCommitment is the error of a value that is not the one in the log.
	ErrCommitment = errors.New("the commitment does not open to the value")
	// ErrErased is the error of a version without value and opening.
	ErrErased = errors.New("the value is not there")
	// ErrUnasked is the error of a value for a version that is not there.
	ErrUnasked = errors.New("there is a value without a version")
)

// Verify tells whether a Lookup holds: all steps, in their order. Errors: ErrPolicy and
// *Failed, which says at which step, and wraps why.
func Verify(l *Lookup, asked Asked, p Policy, now time.Time) (Result, error) {
	p, err := p.whole()
	if err != nil {
		return Result{}, err
	}
	v := &verification{lookup: l, anchored: anchored{policy: p, anchor: l.Anchor, asked: asked, now: now}}
	held, err := run(append(v.checks(), check{StepLadder, v.ladder}, check{StepOpening, v.open}, check{StepSignatures, v.signatures}))
	result := Result{Label: v.label, Head: v.checkpoint.Tree, Sealed: time.UnixMilli(v.epoch.Time), Present: l.Present,
		Version: l.Version, Value: v.value, Reset: v.reset, Revoked: v.revoked, Held: held}
	if failed, is := errors.AsType[*Failed](err); is && v.proven {
		failed.Proven = &result
	}
	if err != nil {
		return Result{}, err
	}
	return result, nil
}

// verification is one run of Verify, with what its steps come to.
type verification struct {
	lookup *Lookup
	anchored

	commitment entry.Commitment // to the value of the newest version
	value      value.Value
	reset      bool
	position   int64 // of the newest version, if that is shown
	proven     bool  // all holds, but perhaps that the value is in force
	revoked    bool
}

func (v *verification) ladder() (string, error) {
	l := v.lookup
	if err := v.claim(); err != nil {
		return "", err
	}
	for _, r := range l.Ladder {
		e, err := v.climb(r)
		if err != nil {
			return "", err
		}
		if !l.Present || r.Version != l.Version {
			continue
		}
		v.commitment = e.Commitment
		if v.position, err = v.stands(e, l.Place); err != nil {
			return "", err
		}
	}
	if !l.Present {
		return "the label has no version", nil
	}
	return fmt.Sprintf("version %d is there, and no later one: %d rungs", l.Version, len(l.Ladder)), nil
}

// claim holds the rungs against the version that is claimed.
func (v *verification) claim() error {
	l, seen := v.lookup, v.asked.Version
	if seen != nil && (!l.Present || l.Version < *seen) {
		return fmt.Errorf("%w: %d", ErrOlder, *seen)
	}
	rungs := make([]ladder.Rung, len(l.Ladder))
	for i, r := range l.Ladder {
		rungs[i] = ladder.Rung{Version: r.Version, Present: r.Map.Kind == prefixtree.Inclusion}
	}
	if l.Present {
		return ladder.Check(l.Version, rungs)
	}
	if l.Version != 0 {
		return fmt.Errorf("%w: it has a version and has none", ladder.ErrRungs)
	}
	return ladder.CheckNone(rungs)
}

// climb verifies one rung: that its index is the label's, and that it is in the map, as the
// entry that is returned, or is not.
func (a *anchored) climb(r Rung) (entry.Insert, error) {
	if err := r.check(); err != nil {
		return entry.Insert{}, err
	}
	output, err := a.policy.VRF.Verify(a.label.VRFInput(r.Version), r.Pi[:])
	if err != nil {
		return entry.Insert{}, fmt.Errorf("rung %d: %w: %w", r.Version, ErrVRF, err)
	}
	index := entry.IndexOf(output)
	if r.Map.Kind != prefixtree.Inclusion {
		if err := r.Map.proof().VerifyNonInclusion(a.root(), prefixtree.Index(index)); err != nil {
			return entry.Insert{}, fmt.Errorf("rung %d: %w", r.Version, err)
		}
		return entry.Insert{}, nil
	}
	leaf := prefixtree.Leaf{Index: prefixtree.Index(index), Commitment: prefixtree.Commitment(*r.Map.Value)}
	if err := r.Map.proof().VerifyInclusion(a.root(), leaf); err != nil {
		return entry.Insert{}, fmt.Errorf("rung %d: %w", r.Version, err)
	}
	return entry.Insert{Index: index, Commitment: entry.Commitment(*r.Map.Value)}, nil
}

func (v *verification) open() (text string, err error) {
	l := v.lookup
	if !l.Present {
		if l.Opening != nil || len(l.Value) > 0 || l.Place != nil {
			return "", ErrUnasked
		}
		return "there is nothing to open", nil
	}
	if v.value, err = openValue(v.label, l.Version, v.commitment, l.Opening, l.Value); err != nil {
		return "", err
	}
	return "the commitment in the map opens to the value, which is of that label and version", nil
}

// openValue is the value of a version, if it is the one that the commitment is to.
func openValue(label entry.Label, version uint32, c entry.Commitment, o *Opening, object jsontext.Value) (value.Value, error) {
	if o == nil || len(object) == 0 {
		return nil, ErrErased
	}
	if entry.Commit(entry.Opening(*o), label, version, object) != c {
		return nil, ErrCommitment
	}
	v, err := value.Parse(object)
	if err != nil {
		return nil, err
	}
	return v, v.About(label, version)
}

func (v *verification) signatures() (string, error) {
	if v.value == nil {
		return "there is nothing to sign", nil
	}
	var err error
	if v.revoked, err = v.vouched(v.value, v.position); err != nil {
		return "", err
	}
	user, ok := v.value.(*value.User)
	if ok {
		v.reset = user.Version > 0 && !user.SignedByPrevious()
		if err := v.follows(user); err != nil {
			return "", err
		}
	}
	v.proven = true
	if err := v.value.ValidAt(v.now, v.policy.MaxAhead); err != nil {
		return "", err
	}
	if !ok {
		return "the value is in force, and signed as it should be" + v.sinceRevoked(), nil
	}
	return "the value is in force, and signed by " + signers(user) + v.continuity(user) + v.sinceRevoked(), nil
}

// signers says for people whose signatures a value has, and whose word it rests on.
func signers(user *value.User) string {
	text := "its keys and the server"
	if user.CrossSigned() {
		text = "its master key, as the user's client has uploaded it, and the server"
	}
	if user.Auth.How == value.ByHomeserver {
		text += "; the user's homeserver has published it"
	}
	return text
}

// sinceRevoked says for people what the value rests on.
func (v *verification) sinceRevoked() string {
	if !v.revoked {
		return ""
	}
	return fmt.Sprintf("; the server has revoked its key since, and the value was in the log before, as entry %d", v.position)
}

// follows holds a value against what is known of the version before it.
func (v *verification) follows(user *value.User) error {
	if v.asked.Previous != nil {
		if err := user.CheckPrevious(v.asked.Previous); err != nil {
			return err
		}
	}
	if v.asked.PreviousKeys == nil || v.reset {
		return nil
	}
	return user.CheckPreviousKeys(v.asked.PreviousKeys)
}

// continuity says for people whether the old keys handed over.
func (v *verification) continuity(user *value.User) string {
	switch {
	case user.Version == 0:
		return "; it is the first version"
	case v.reset:
		return "; NO key of the version before it has signed: the keys were reset"
	case v.asked.Previous == nil && v.asked.PreviousKeys == nil:
		return "; the signature of the old key was not verified, since that is not known here"
	}
	return "; the old key has signed too"
}
