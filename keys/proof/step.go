package proof

import (
	"fmt"
	"slices"
)

// Step is a part of the verification. They come in the order in which they stand here.
type Step string

// The steps.
const (
	StepLabel       Step = "label"       // 1: the label is canonical
	StepCheckpoint  Step = "checkpoint"  // 2: the log and enough witnesses have signed
	StepTimes       Step = "times"       // 3: lately
	StepEpoch       Step = "epoch"       // 4: the log ends in the EPOCH, which has the map's root
	StepConsistency Step = "consistency" // 5: it is the log that was seen before
	StepLadder      Step = "ladder"      // 6: the version is the newest, or there is none
	StepOpening     Step = "opening"     // 7: the value is that version's
	StepSignatures  Step = "signatures"  // 8: those who should have signed it, and it is in force

	// Those of the log of servers, besides the ones above that concern any log.
	StepRecord   Step = "record"   // 9: the record stands in the log
	StepDocument Step = "document" // 10: it is of that document
)

var steps = []Step{StepLabel, StepCheckpoint, StepTimes, StepEpoch, StepConsistency, StepLadder, StepOpening, StepSignatures, StepRecord, StepDocument}

// Number is the place of the step, from 1.
func (s Step) Number() int { return slices.Index(steps, s) + 1 }

// Line is a step that held, and what it has shown, for people to read.
type Line struct {
	Step Step
	Text string
}

// String is the line with its number.
func (l Line) String() string { return fmt.Sprintf("%d %s: %s", l.Step.Number(), l.Step, l.Text) }

// Failed is the error of a proof that does not hold: at which step, why, and what held
// before it.
type Failed struct {
	Step Step
	Err  error
	Held []Line
	// Proven is what a Lookup has shown all the same where Err says no more than that its value is
	// not in force (value.ErrExpired, value.ErrNotYet); else nil.
	Proven *Result
}

func (f *Failed) Error() string { return fmt.Sprintf("%d %s: %v", f.Step.Number(), f.Step, f.Err) }

func (f *Failed) Unwrap() error { return f.Err }

// check is a step of a verification; it says what it has shown.
type check struct {
	step Step
	do   func() (string, error)
}

// run takes step after step until one fails.
func run(checks []check) ([]Line, error) {
	var held []Line
	for _, c := range checks {
		text, err := c.do()
		if err != nil {
			return nil, &Failed{Step: c.step, Err: err, Held: held}
		}
		held = append(held, Line{c.step, text})
	}
	return held, nil
}
