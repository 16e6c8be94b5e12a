package account

import (
	"errors"
	"slices"
	"testing"
)

func TestCheckRegistration(t *testing.T) {
	for _, test := range []struct {
		name  string
		flows Flows
		good  bool
	}{
		{"none", nil, true},
		{"the one that asks for nothing", Flows{{StageDummy}}, true},
		{"two ways", Flows{{StageDummy}, {StageRegistrationToken}}, true},
		{"two stages", Flows{{StageRegistrationToken, StageDummy}}, true},
		{"told apart", Flows{{StageRegistrationToken, StageDummy}, {StageDummy, StageRegistrationToken}}, true},
		{"no stage", Flows{{}}, false},
		{"no stage in one", Flows{{StageDummy}, {}}, false},
		{"unknown", Flows{{"m.login.magic"}}, false},
		{"a password of nobody's", Flows{{StagePassword}}, false},
		{"twice in one", Flows{{StageDummy, StageDummy}}, false},
		{"the same flow twice", Flows{{StageDummy}, {StageDummy}}, false},
		{"the beginning of another", Flows{{StageDummy, StageRegistrationToken}, {StageDummy}}, false},
	} {
		if err := test.flows.CheckRegistration(); (err == nil) != test.good || err != nil && !errors.Is(err, ErrFlow) {
			t.Errorf("%s: CheckRegistration = %v, want none: %v", test.name, err, test.good)
		}
	}
}

func TestStagesComeInTheirOrder(t *testing.T) {
	const a, b, c = Stage("a"), Stage("b"), Stage("c")
	flows := Flows{{a, b}, {a, c}, {b}}
	for _, test := range []struct {
		completed []Stage
		next      []Stage
		complete  bool
	}{
		{nil, []Stage{a, b}, false},
		{[]Stage{a}, []Stage{b, c}, false},
		{[]Stage{b}, nil, true},
		{[]Stage{a, b}, nil, true},
		{[]Stage{a, c}, nil, true},
		{[]Stage{c}, nil, false},
		{[]Stage{b, a}, nil, false},
		{[]Stage{a, b, c}, nil, false},
	} {
		for _, stage := range []Stage{a, b, c, ""} {
			if got := flows.follows(test.completed, stage); got != slices.Contains(test.next, stage) {
				t.Errorf("follows(%v, %q) = %v", test.completed, stage, got)
			}
		}
		if got := flows.complete(test.completed); got != test.complete {
			t.Errorf("complete(%v) = %v", test.completed, got)
		}
	}
	if got := flows.Stages(); !slices.Equal(got, []Stage{a, b, c}) {
		t.Errorf("Stages = %v", got)
	}
}

// splitStages is the inverse of joinStages.
func TestStagesInAColumn(t *testing.T) {
	for _, stages := range [][]Stage{nil, {StageDummy}, {StageRegistrationToken, StageDummy}} {
		if got := splitStages(joinStages(stages)); !slices.Equal(got, stages) {
			t.Errorf("%v became %v", stages, got)
		}
	}
}
