package account_test

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/store"
)

// challenge is the challenge that err must be.
func (w *world) challenge(err error) account.Challenge {
	w.Helper()
	challenge, ok := errors.AsType[account.Challenge](err)
	if !ok {
		w.Fatalf("the error is %v, want a challenge", err)
	}
	return challenge
}

// regToken makes a registration token for so many accounts.
func (w *world) regToken(limit int) string {
	w.Helper()
	t, err := w.CreateRegistrationToken(w.Context(), account.RegistrationToken{Limit: limit})
	if err != nil {
		w.Fatal(err)
	}
	return t.Token
}

// Two stages, in several requests: what is passed stays so, in its order, until the
// account is made.
func TestStagesAreKept(t *testing.T) {
	each(t, func(w *world) {
		token := w.regToken(0)
		flow := account.Flow{account.StageRegistrationToken, account.StageDummy}
		w.Accounts = w.open(account.Flows{flow})
		r := wish("alice")
		try := func(auth account.Auth) error {
			r.Auth = &auth
			_, err := w.Register(w.Context(), r)
			return err
		}
		session := w.challenge(try(account.Auth{})).Session
		for _, step := range []struct {
			auth      account.Auth
			reason    error
			completed []account.Stage
		}{
			{account.Auth{Stage: account.StageDummy}, account.ErrStage, nil},
			{account.Auth{Stage: account.StageRegistrationToken, Token: "wrong"}, account.ErrRegistrationToken, nil},
			{account.Auth{Stage: account.StageRegistrationToken}, account.ErrRegistrationToken, nil},
			{account.Auth{}, nil, nil},
			{account.Auth{Stage: account.StageRegistrationToken, Token: token}, nil, flow[:1]},
			{account.Auth{Stage: account.StageRegistrationToken, Token: "wrong"}, nil, flow[:1]}, // it is not tried again
			{account.Auth{}, nil, flow[:1]},
			{account.Auth{Stage: account.StagePassword, Password: password}, account.ErrStage, flow[:1]},
		} {
			step.auth.Session = session
			got := w.challenge(try(step.auth))
			if got.Session != session || !errors.Is(got.Reason, step.reason) || !slices.Equal(got.Completed, step.completed) {
				w.Errorf("%+v: completed %v, reason %v; want %v, %v", step.auth, got.Completed, got.Reason, step.completed, step.reason)
			}
		}
		if err := try(account.Auth{Stage: account.StageDummy, Session: session}); err != nil {
			w.Errorf("the last stage: %v", err)
		}
		if tokens, err := w.RegistrationTokens(w.Context()); err != nil || len(tokens) != 1 || tokens[0].Used != 1 {
			w.Errorf("the tokens are %+v, %v; want the one used once", tokens, err)
		}
	})
}

// A stage passed without a session opens one that knows of it.
func TestAStageWithoutASession(t *testing.T) {
	each(t, func(w *world) {
		token := w.regToken(1)
		w.Accounts = w.open(account.Flows{{account.StageRegistrationToken, account.StageDummy}})
		r := wish("alice")
		r.Auth = &account.Auth{Stage: account.StageRegistrationToken, Token: token}
		_, err := w.Register(w.Context(), r)
		got := w.challenge(err)
		if len(got.Completed) != 1 || got.Session == "" {
			w.Errorf("the challenge is %+v, want one stage completed", got)
		}
		r.Auth = &account.Auth{Stage: account.StageDummy, Session: got.Session}
		if _, err := w.Register(w.Context(), r); err != nil {
			w.Errorf("the rest: %v", err)
		}
	})
}

// The account could not be made: what was passed need not be passed again, the session
// alone does.
func TestCompletedStagesOutliveAFailure(t *testing.T) {
	each(t, func(w *world) {
		r := wish("alice")
		r.Auth.Session = w.session()
		w.joined("alice")
		if _, err := w.Register(w.Context(), r); !errors.Is(err, account.ErrUserInUse) {
			w.Fatalf("Register = %v, want %v", err, account.ErrUserInUse)
		}
		name := "alice2"
		r.Username, r.Auth.Stage = &name, account.StageDummy
		if _, err := w.Register(w.Context(), r); err != nil {
			w.Errorf("with another name: %v", err)
		}
	})
}

// A session that is good for one thing opens no other: not for another user, from
// another device, on other things, nor at another request.
func TestASessionIsForOneRequest(t *testing.T) {
	each(t, func(w *world) {
		phone, bobs := w.joined("alice").Device, w.joined("bob").Device
		laptop := w.login(account.Credentials{Name: "alice", Password: password}).Device
		registration := w.session()
		opened := w.challenge(w.DeleteDevices(w.Context(), phone, []account.DeviceID{laptop.ID}, nil))
		auth := &account.Auth{Stage: account.StagePassword, Password: password, Session: opened.Session}
		before := w.rows()
		for what, err := range map[string]error{
			"another device's deletion": w.DeleteDevices(w.Context(), phone, []account.DeviceID{phone.ID}, auth),
			"more of them":              w.DeleteDevices(w.Context(), phone, []account.DeviceID{phone.ID, laptop.ID}, auth),
			"none of them":              w.DeleteDevices(w.Context(), phone, nil, auth),
			"from the other device":     w.DeleteDevices(w.Context(), laptop, []account.DeviceID{laptop.ID}, auth),
			"by Bob":                    w.DeleteDevices(w.Context(), bobs, []account.DeviceID{laptop.ID}, auth),
			"another password":          w.SetPassword(w.Context(), phone, account.PasswordChange{Password: "battery staple"}, auth),
			"a deactivation":            w.Deactivate(w.Context(), phone, false, auth),
			"by a registration": w.DeleteDevices(w.Context(), phone, []account.DeviceID{laptop.ID},
				&account.Auth{Stage: account.StagePassword, Password: password, Session: registration}),
		} {
			if got := w.challenge(err); !errors.Is(got.Reason, account.ErrUIASession) || got.Session == opened.Session {
				w.Errorf("%s: reason %v in session %q, want %v in a new one", what, got.Reason, got.Session, account.ErrUIASession)
			}
		}
		r := wish("carol")
		r.Auth.Session = opened.Session
		if _, err := w.Register(w.Context(), r); !errors.Is(w.challenge(err).Reason, account.ErrUIASession) {
			w.Errorf("a registration by it = %v", err)
		}
		after := w.rows()
		delete(before, "account_uia")
		delete(after, "account_uia")
		if !maps.Equal(before, after) {
			w.Errorf("refused requests wrote: %v became %v", before, after)
		}
		if err := w.DeleteDevices(w.Context(), phone, []account.DeviceID{laptop.ID}, auth); err != nil {
			w.Errorf("what it is for: %v", err)
		}
	})
}

// Eight requests come with one completed session; what it is for is done once.
func TestASessionIsSpentOnce(t *testing.T) {
	const n = 8
	each(t, func(w *world) {
		op := account.Operation{Name: "count", By: w.joined("alice").Device}
		session := w.challenge(w.Authenticated(w.Context(), op, nil, nil)).Session
		if err := w.PassStage(w.Context(), account.Auth{Stage: account.StagePassword, Password: password, Session: session}); err != nil {
			w.Fatal(err)
		}
		errs := crowd(n, func(int) error {
			return w.Authenticated(w.Context(), op, &account.Auth{Session: session}, func(*store.Tx) error { return nil })
		})
		if done, refused := counted(errs, nil), counted(errs, account.ErrUIASession); done != 1 || refused != n-1 {
			w.Errorf("%d were done and %d refused: %v", done, refused, errors.Join(errs...))
		}
	})
}

// Two requests pass different stages of one session at the same moment: none is lost.
func TestStagesAtTheSameMoment(t *testing.T) {
	const n = 8
	each(t, func(w *world) {
		token := w.regToken(0)
		w.Accounts = w.open(account.Flows{{account.StageDummy, account.StageRegistrationToken}})
		session := w.session()
		crowd(n, func(int) error {
			return w.PassStage(w.Context(), account.Auth{Stage: account.StageDummy, Session: session})
		})
		errs := crowd(n, func(int) error {
			return w.PassStage(w.Context(), account.Auth{Stage: account.StageRegistrationToken, Token: token, Session: session})
		})
		if passed := counted(errs, nil); passed != n {
			w.Errorf("%d of %d passed: %v", passed, n, errors.Join(errs...))
		}
		r := wish("alice")
		r.Auth = &account.Auth{Session: session}
		if _, err := w.Register(w.Context(), r); err != nil {
			w.Errorf("by the session: %v", err)
		}
	})
}

// A password is the caller's own, under their own name or none, and guesses are counted
// with those at the door.
func TestThePasswordStage(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice").Device
		w.joined("bob")
		try := func(name, with string) error {
			return w.DeleteDevices(w.Context(), alice, nil, &account.Auth{Stage: account.StagePassword, Name: name, Password: with})
		}
		for _, name := range []string{"", "alice", "@alice:hs.test", "Alice"} {
			if err := try(name, password); err != nil {
				w.Errorf("as %q: %v", name, err)
			}
		}
		for _, name := range []string{"bob", "@bob:hs.test", "@alice:other.test", "nobody"} {
			if err := try(name, password); !errors.Is(err, account.ErrNotOwner) {
				w.Errorf("as %q = %v, want %v", name, err, account.ErrNotOwner)
			}
		}
		for range 5 {
			if got := w.challenge(try("", "wrong guess")); !errors.Is(got.Reason, account.ErrCredentials) {
				w.Errorf("a wrong password: reason %v, want %v", got.Reason, account.ErrCredentials)
			}
			_, _ = w.Login(w.Context(), account.Credentials{Name: "alice", Password: "wrong guess"})
		}
		if err := try("", password); counted([]error{err}, nil) != 0 {
			w.Error("after ten wrong guesses nobody waits")
		}
		w.clock.Advance(time.Second)
		if err := try("", password); err != nil {
			w.Errorf("a second later: %v", err)
		}
	})
}

// A page passes a stage beside the request; the request then goes on with the session.
func TestPassStage(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice").Device
		session := w.challenge(w.DeleteDevices(w.Context(), alice, nil, nil)).Session
		progress, err := w.Progress(w.Context(), session, account.StagePassword, nil)
		if want := (account.Progress{Operation: account.OpDeleteDevices, User: alice.User, Next: true}); err != nil || !reflect.DeepEqual(progress, want) {
			w.Errorf("Progress = %+v, %v; want %+v", progress, err, want)
		}
		for _, test := range []struct {
			auth account.Auth
			want error
		}{
			{account.Auth{Stage: account.StagePassword, Password: "wrong guess", Session: session}, account.ErrCredentials},
			{account.Auth{Stage: account.StageDummy, Session: session}, account.ErrStage},
			{account.Auth{Stage: account.StagePassword, Password: password, Session: "unknown"}, account.ErrUIASession},
			{account.Auth{Stage: account.StagePassword, Password: password}, account.ErrUIASession},
			{account.Auth{Stage: account.StagePassword, Password: password, Session: session}, nil},
		} {
			if err := w.PassStage(w.Context(), test.auth); !errors.Is(err, test.want) {
				w.Errorf("PassStage(%+v) = %v, want %v", test.auth, err, test.want)
			}
		}
		if progress, err = w.Progress(w.Context(), session, account.StagePassword, nil); err != nil || !progress.Completed || progress.Next {
			w.Errorf("Progress = %+v, %v; want it completed", progress, err)
		}
		if err := w.DeleteDevices(w.Context(), alice, nil, &account.Auth{Session: session}); err != nil {
			w.Errorf("by the session: %v", err)
		}
		if _, err := w.Progress(w.Context(), session, account.StagePassword, nil); !errors.Is(err, account.ErrUIASession) {
			w.Errorf("Progress of a spent session = %v, want %v", err, account.ErrUIASession)
		}
	})
}
