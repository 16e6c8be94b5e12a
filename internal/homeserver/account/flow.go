package account

import (
	"errors"
	"fmt"
	"slices"
)

// Stage is a step of interactive authentication (client-server API, "Authentication
// types").
type Stage string

// The stages that this server knows.
const (
	StageDummy             Stage = "m.login.dummy" // asks for nothing
	StagePassword          Stage = "m.login.password"
	StageRegistrationToken Stage = "m.login.registration_token"
	StageCaptcha           Stage = "im.signet.captcha" // of an identity server (docs/homeserver.md)
	StageTerms             Stage = "m.login.terms"
	StageEmail             Stage = "m.login.email.identity"
	StageMSISDN            Stage = "m.login.msisdn"
)

// registrationStages are those that say nothing of an account, which there is none of
// before a registration.
var registrationStages = []Stage{StageDummy, StageRegistrationToken, StageCaptcha, StageTerms, StageEmail, StageMSISDN}

// Flow is stages that are passed in their order; the last one completes it.
type Flow []Stage

// Flows are the ways to authenticate, of which the client goes one.
type Flows []Flow

// ofOwner is how the owner of an account shows that it is they who ask.
var ofOwner = Flows{{StagePassword}}

// ofForgetful is how the owner of an account does who has lost the password.
var ofForgetful = Flows{{StageEmail}, {StageMSISDN}}

// ErrFlow is the error of flows that cannot be offered.
var ErrFlow = errors.New("not a flow for registrations")

// CheckRegistration tells whether a registration can be authenticated by these flows.
// The error is ErrFlow, and says why not.
func (f Flows) CheckRegistration() error {
	for i, flow := range f {
		if len(flow) == 0 {
			return fmt.Errorf("%w: it has no stage; the one that asks for nothing is %s", ErrFlow, StageDummy)
		}
		for at, stage := range flow {
			if !slices.Contains(registrationStages, stage) {
				return fmt.Errorf("%w: no stage is called %q; there are %v", ErrFlow, stage, registrationStages)
			}
			if slices.Contains(flow[:at], stage) {
				return fmt.Errorf("%w: it has the stage %s twice", ErrFlow, stage)
			}
		}
		if err := f.checkBeginning(i); err != nil {
			return err
		}
	}
	return nil
}

// checkBeginning refuses a flow with which another begins: whoever goes the longer one
// would be let in half-way (client-server API, "Dummy Auth").
func (f Flows) checkBeginning(i int) error {
	for j, other := range f {
		if j != i && len(f[i]) <= len(other) && slices.Equal(f[i], other[:len(f[i])]) {
			return fmt.Errorf("%w: another flow begins with %v; end it with %s", ErrFlow, f[i], StageDummy)
		}
	}
	return nil
}

// Stages are all that stand in the flows, each once.
func (f Flows) Stages() []Stage {
	all := slices.Concat(f...)
	slices.Sort(all)
	return slices.Compact(all)
}

// Offered are the Flows of registrations that can be gone at present; none closes it.
func (a *Accounts) Offered() Flows {
	if a.Offers == nil {
		return a.Flows
	}
	return slices.DeleteFunc(slices.Clone(a.Flows), func(f Flow) bool {
		return slices.ContainsFunc(f, func(s Stage) bool { return !a.Offers(s) })
	})
}

// next are the stages that the flows have after those that are completed.
func (f Flows) next(completed []Stage) (stages []Stage) {
	n := len(completed)
	for _, flow := range f {
		if n < len(flow) && slices.Equal(flow[:n], completed) && !slices.Contains(stages, flow[n]) {
			stages = append(stages, flow[n])
		}
	}
	return stages
}

// follows tells whether a flow has the stage next after those that are completed.
func (f Flows) follows(completed []Stage, next Stage) bool {
	return slices.Contains(f.next(completed), next)
}

// complete tells whether a flow has been gone to its end.
func (f Flows) complete(completed []Stage) bool {
	return slices.ContainsFunc(f, func(flow Flow) bool { return slices.Equal(flow, completed) })
}
