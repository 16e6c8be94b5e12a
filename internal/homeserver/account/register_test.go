package account_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/matrix"
)

func TestANewAccountLetsItsFirstDeviceIn(t *testing.T) {
	each(t, func(w *world) {
		r := wish("alice")
		r.Device = account.NewDevice{ID: "PHONE", DisplayName: "Alice's phone"}
		login, err := w.Register(w.Context(), r)
		if err != nil {
			w.Fatal(err)
		}
		want := account.Device{User: "@alice:hs.test", ID: "PHONE"}
		if login.Device != want {
			w.Errorf("registered %v, want %v", login.Device, want)
		}
		if got, err := w.Authenticate(w.Context(), login.AccessToken); err != nil || got != want {
			w.Errorf("Authenticate = %v, %v; want %v", got, err, want)
		}
	})
}

func TestInhibitedLoginMakesNoDevice(t *testing.T) {
	each(t, func(w *world) {
		r := wish("alice")
		r.InhibitLogin = true
		login, err := w.Register(w.Context(), r)
		if want := (account.Login{Device: account.Device{User: "@alice:hs.test"}}); err != nil || login != want {
			w.Errorf("Register = %v, %v; want %v", login, err, want)
		}
		if n := w.rows()["account_devices"]; n != 0 {
			w.Errorf("%d devices, want none", n)
		}
	})
}

func TestUserNames(t *testing.T) {
	long := strings.Repeat("a", 255-len("@:hs.test"))
	tests := []struct{ name, want string }{
		{"alice", "@alice:hs.test"},
		{"Alice", "@alice:hs.test"},
		{"a.b_c=d/e+f-9", "@a.b_c=d/e+f-9:hs.test"},
		{"42", "@42:hs.test"},
		{long, "@" + long + ":hs.test"},
		{long + "a", ""},
		{"", ""},
		{"@alice:hs.test", ""},
		{"al ice", ""},
		{"alice\n", ""},
		{"$c", ""},
		{"ålice", ""},
		{"\u212a", ""}, // the Kelvin sign, whose lower case is a k
	}
	each(t, func(w *world) {
		for _, test := range tests {
			r := wish(test.name)
			r.InhibitLogin = true
			before := w.rows()
			login, err := w.Register(w.Context(), r)
			switch {
			case test.want == "" && !errors.Is(err, account.ErrUsername):
				w.Errorf("registering %q = %v, want %v", test.name, err, account.ErrUsername)
			case test.want == "" && !maps.Equal(before, w.rows()):
				w.Errorf("refusing %q wrote something", test.name)
			case test.want != "" && err == nil && login.User != matrix.UserID(test.want):
				w.Errorf("registering %q = %q, want %q", test.name, login.User, test.want)
			case test.name == "Alice" && !errors.Is(err, account.ErrUserInUse):
				w.Errorf("registering Alice beside alice = %v, want %v", err, account.ErrUserInUse)
			case test.want != "" && test.name != "Alice" && err != nil:
				w.Errorf("registering %q = %v", test.name, err)
			}
		}
	})
}

func TestTheServerChoosesANameForWhoWantsNone(t *testing.T) {
	each(t, func(w *world) {
		seen := map[matrix.UserID]bool{}
		for range 3 {
			r := wish("")
			r.Username = nil
			login, err := w.Register(w.Context(), r)
			if err != nil {
				w.Fatal(err)
			}
			if _, err := matrix.NewUserID(login.User.Localpart(), server); err != nil || seen[login.User] {
				w.Errorf("the server chose %q, %v; seen before: %v", login.User, err, seen[login.User])
			}
			seen[login.User] = true
		}
	})
}

// What no authentication would mend is told before it is asked for.
func TestWhatIsRefusedBeforeTheChallenge(t *testing.T) {
	each(t, func(w *world) {
		w.joined("taken")
		text := func(s string) *string { return &s }
		for _, test := range []struct {
			r    account.Registration
			want error
		}{
			{account.Registration{Username: text("taken")}, account.ErrUserInUse},
			{account.Registration{Username: text("TAKEN")}, account.ErrUserInUse},
			{account.Registration{Username: text("no good")}, account.ErrUsername},
			{account.Registration{Password: "1234567"}, account.ErrPasswordShort},
			{account.Registration{Password: strings.Repeat("x", 513)}, account.ErrPasswordLong},
			{account.Registration{Device: account.NewDevice{ID: "a b"}}, account.ErrDeviceID},
			{account.Registration{Device: account.NewDevice{ID: "a\u202eb"}}, account.ErrDeviceID},
			{account.Registration{Device: account.NewDevice{ID: account.DeviceID(strings.Repeat("x", 256))}}, account.ErrDeviceID},
			{account.Registration{Auth: &account.Auth{Stage: account.StageDummy}}, account.ErrPasswordMissing},
		} {
			before := w.rows()
			if _, err := w.Register(w.Context(), test.r); !errors.Is(err, test.want) {
				w.Errorf("Register(%+v) = %v, want %v", test.r, err, test.want)
			}
			if after := w.rows(); !maps.Equal(before, after) {
				w.Errorf("refusing %+v wrote: %v became %v", test.r, before, after)
			}
		}
	})
}

func TestPasswordsOfTheOutermostLengths(t *testing.T) {
	each(t, func(w *world) {
		for i, n := range []int{8, 512} {
			r := wish(fmt.Sprint("user", i))
			r.Password = strings.Repeat("x", n)
			if _, err := w.Register(w.Context(), r); err != nil {
				w.Errorf("a password of %d octets: %v", n, err)
			}
			c := account.Credentials{Name: *r.Username, Password: r.Password[1:]}
			if _, err := w.Login(w.Context(), c); !errors.Is(err, account.ErrCredentials) {
				w.Errorf("a password one octet short of %d = %v, want %v", n, err, account.ErrCredentials)
			}
		}
	})
}

func TestAClosedServerTakesNobody(t *testing.T) {
	each(t, func(w *world) {
		closed := w.open(nil)
		for _, r := range []account.Registration{{}, wish("alice")} {
			if _, err := closed.Register(w.Context(), r); !errors.Is(err, account.ErrRegistrationClosed) {
				w.Errorf("Register = %v, want %v", err, account.ErrRegistrationClosed)
			}
		}
		for table, n := range w.rows() {
			if n != 0 {
				w.Errorf("%d rows in %s, want none", n, table)
			}
		}
	})
}

func TestFortyWantOneName(t *testing.T) {
	const n = 40
	each(t, func(w *world) {
		errs := crowd(n, func(int) error {
			_, err := w.Register(w.Context(), wish("alice"))
			return err
		})
		if won, lost := counted(errs, nil), counted(errs, account.ErrUserInUse); won != 1 || lost != n-1 {
			w.Errorf("of %d registrations of one name %d won and %d lost: %v", n, won, lost, errors.Join(errs...))
		}
		if got := w.rows(); got["account_users"] != 1 || got["account_devices"] != 1 {
			w.Errorf("the database holds %v, want one user and one device", got)
		}
	})
}

func TestOneSessionMakesOneAccount(t *testing.T) {
	const n = 12
	each(t, func(w *world) {
		session := w.session()
		errs := crowd(n, func(i int) error {
			r := wish(fmt.Sprint("user", i))
			r.Auth.Session = session
			_, err := w.Register(w.Context(), r)
			return err
		})
		if won, lost := counted(errs, nil), counted(errs, account.ErrUIASession); won != 1 || lost != n-1 {
			w.Errorf("one session made %d accounts, %d were refused: %v", won, lost, errors.Join(errs...))
		}
		if users := w.rows()["account_users"]; users != 1 {
			w.Errorf("%d users, want 1", users)
		}
	})
}

// The name was taken while the person authenticated: she chooses another and goes
// on with the same session.
func TestASessionOutlivesATakenName(t *testing.T) {
	each(t, func(w *world) {
		r := wish("alice")
		r.Auth.Session = w.session()
		w.joined("alice")
		if _, err := w.Register(w.Context(), r); !errors.Is(err, account.ErrUserInUse) {
			w.Fatalf("Register = %v, want %v", err, account.ErrUserInUse)
		}
		*r.Username = "alice2"
		if _, err := w.Register(w.Context(), r); err != nil {
			w.Errorf("with another name: %v", err)
		}
	})
}

func TestChallenges(t *testing.T) {
	each(t, func(w *world) {
		live, spent, expired := "", w.session(), w.session()
		r := wish("first")
		r.Auth.Session = spent
		if _, err := w.Register(w.Context(), r); err != nil {
			w.Fatal(err)
		}
		w.clock.Advance(59 * time.Minute)
		live = w.session()
		w.clock.Advance(time.Minute)
		for _, test := range []struct {
			name  string
			auth  *account.Auth
			fresh bool // a new session is given
			want  error
		}{
			{"nothing", nil, true, nil},
			{"nothing in it", &account.Auth{}, true, nil},
			{"how far", &account.Auth{Session: live}, false, nil},
			{"another stage", &account.Auth{Stage: "m.login.email.identity", Session: live}, false, account.ErrStage},
			{"another stage at once", &account.Auth{Stage: "m.login.password"}, true, account.ErrStage},
			{"unknown session", &account.Auth{Stage: account.StageDummy, Session: "nonsense"}, true, account.ErrUIASession},
			{"spent session", &account.Auth{Stage: account.StageDummy, Session: spent}, true, account.ErrUIASession},
			{"expired session", &account.Auth{Stage: account.StageDummy, Session: expired}, true, account.ErrUIASession},
		} {
			r := wish("second")
			r.Auth = test.auth
			_, err := w.Register(w.Context(), r)
			challenge, ok := errors.AsType[account.Challenge](err)
			if !ok || challenge.Reason != test.want {
				w.Errorf("%s: Register = %v with reason %v, want a challenge with %v", test.name, err, challenge.Reason, test.want)
			}
			if fresh := test.auth == nil || challenge.Session != test.auth.Session; challenge.Session == "" || fresh != test.fresh {
				w.Errorf("%s: session %q, want a new one: %v", test.name, challenge.Session, test.fresh)
			}
		}
		r = wish("second")
		r.Auth.Session = live
		if _, err := w.Register(w.Context(), r); err != nil {
			w.Errorf("after all that the session is dead: %v", err)
		}
	})
}

// An account is new for whom nobody answers, and in every process.
func TestNewcomers(t *testing.T) {
	each(t, func(w *world) {
		born := w.clock.Now().Truncate(time.Millisecond)
		w.joined("alice")
		w.clock.Advance(time.Hour)
		if _, err := w.CreateUser(w.Context(), account.NewUser{Name: "olga", Password: password}); err != nil {
			w.Fatal(err)
		}
		for _, a := range []*account.Accounts{w.Accounts, w.Accounts, w.open(nil)} {
			for user, want := range map[matrix.UserID]time.Time{"@alice:hs.test": born, "@olga:hs.test": {}, "@nobody:hs.test": {}} {
				if got, err := a.Newcomer(w.Context(), user); err != nil || !got.Equal(want) {
					w.Errorf("Newcomer(%s) = %v, %v; want %v", user, got, err, want)
				}
			}
		}
	})
}

// Flows with a stage that cannot be passed at present are not offered; whoever has begun one may
// end it, and where none is left nobody registers.
func TestWhatIsOffered(t *testing.T) {
	byDummy := account.Flow{account.StageTerms, account.StageDummy}
	eachCaptcha(t, account.Flows{byDummy, {account.StageTerms, account.StageCaptcha}}, func(w *world, _ *captchas) {
		_, err := w.Register(w.Context(), account.Registration{})
		begun := w.challenge(err)
		if len(begun.Flows) != 2 {
			w.Errorf("offered are %v", begun.Flows)
		}
		w.Offers = func(s account.Stage) bool { return s != account.StageCaptcha }
		_, err = w.Register(w.Context(), account.Registration{})
		if c := w.challenge(err); !reflect.DeepEqual(c.Flows, account.Flows{byDummy}) {
			w.Errorf("offered are %v, want %v", c.Flows, byDummy)
		}
		r := wish("alice")
		r.Auth = &account.Auth{Stage: account.StageTerms, Session: begun.Session}
		_, err = w.Register(w.Context(), r)
		w.challenge(err)
		if err := w.solve("alice", begun.Session, "right"); err != nil {
			w.Errorf("whoever had begun cannot end it: %v", err)
		}
		w.Offers = func(s account.Stage) bool { return s != account.StageTerms }
		if _, err := w.Register(w.Context(), account.Registration{}); !errors.Is(err, account.ErrRegistrationClosed) {
			w.Errorf("where nothing is offered: %v", err)
		}
	})
}
