package account_test

import (
	"errors"
	"testing"
	"time"

	"signet/internal/homeserver/account"
)

// refreshing logs a device in that can refresh its tokens.
func (w *world) refreshing(name string) account.Login {
	w.Helper()
	return w.login(account.Credentials{Name: name, Password: password, Device: account.NewDevice{ID: "PHONE", Refreshes: true}})
}

func (w *world) refresh(token string) account.Login {
	w.Helper()
	login, err := w.Refresh(w.Context(), token)
	if err != nil {
		w.Fatal(err)
	}
	return login
}

// lets tells what a token is answered with.
func (w *world) lets(what, token string, want error) {
	w.Helper()
	if _, err := w.Authenticate(w.Context(), token); !errors.Is(err, want) {
		w.Errorf("%s = %v, want %v", what, err, want)
	}
}

func TestAccessTokensThatCanBeRefreshedEnd(t *testing.T) {
	each(t, func(w *world) {
		forever := w.joined("alice")
		first := w.refreshing("alice")
		if first.ExpiresIn != time.Hour || first.RefreshToken == "" || forever.ExpiresIn != 0 || forever.RefreshToken != "" {
			w.Errorf("with refreshing %+v, without %+v", first, forever)
		}
		w.clock.Advance(time.Hour - time.Millisecond)
		w.lets("within the hour", first.AccessToken, nil)
		w.clock.Advance(time.Millisecond)
		w.lets("after it", first.AccessToken, account.ErrTokenExpired)
		w.lets("the other kind after it", forever.AccessToken, nil)
		second := w.refresh(first.RefreshToken)
		if second.Device != first.Device || second.ExpiresIn != time.Hour {
			w.Errorf("refreshed as %+v, was %+v", second, first)
		}
		w.lets("the new one", second.AccessToken, nil)
		w.lets("the old one", first.AccessToken, account.ErrUnknownToken)
	})
}

// The answer with the new tokens is lost. The old ones stay good until new ones are
// used, and then end for good.
func TestALostAnswerToARefresh(t *testing.T) {
	each(t, func(w *world) {
		w.joined("alice")
		first := w.refreshing("alice")
		lost := w.refresh(first.RefreshToken)
		w.lets("the old one, as the client knows no other", first.AccessToken, nil)
		second := w.refresh(first.RefreshToken)
		w.lets("what was lost", lost.AccessToken, account.ErrUnknownToken)
		w.lets("the new one", second.AccessToken, nil)
		for what, token := range map[string]string{"the old one": first.RefreshToken, "the lost one": lost.RefreshToken, "an access token": second.AccessToken, "nothing": ""} {
			if _, err := w.Refresh(w.Context(), token); !errors.Is(err, account.ErrUnknownToken) {
				w.Errorf("refreshing by %s = %v, want %v", what, err, account.ErrUnknownToken)
			}
		}
		w.lets("a refresh token at the door", second.RefreshToken, account.ErrUnknownToken)
		third := w.refresh(second.RefreshToken)
		fourth := w.refresh(third.RefreshToken) // to use it is to have it
		w.lets("before the last two", second.AccessToken, account.ErrUnknownToken)
		w.lets("the last but one", third.AccessToken, nil)
		w.lets("the last", fourth.AccessToken, nil)
		w.lets("the last but one, then", third.AccessToken, account.ErrUnknownToken)
	})
}

// Four requests change one token at the same moment: the last one's answer counts, and
// the old tokens end when it is used.
func TestARefreshTokenIsChangedByMany(t *testing.T) {
	const n = 4
	each(t, func(w *world) {
		w.joined("alice")
		first := w.refreshing("alice")
		logins := make([]account.Login, n)
		errs := crowd(n, func(i int) (err error) {
			logins[i], err = w.Refresh(w.Context(), first.RefreshToken)
			return err
		})
		if counted(errs, nil) != n {
			w.Fatalf("refreshing: %v", errors.Join(errs...))
		}
		if pairs := w.count("SELECT COUNT(*) FROM account_tokens WHERE device_id = 'PHONE'"); pairs != 2 {
			w.Errorf("the device has %d pairs of tokens, want the old one and the newest", pairs)
		}
		good := 0
		for range 2 { // the newest may come at any place, and be used again
			good = 0
			for _, l := range logins {
				if _, err := w.Authenticate(w.Context(), l.AccessToken); err == nil {
					good++
				}
			}
		}
		if good != 1 {
			w.Errorf("%d of the new tokens are good, want one", good)
		}
		w.lets("the old one", first.AccessToken, account.ErrUnknownToken)
	})
}

func TestALoginOrLogoutEndsAllTokensOfADevice(t *testing.T) {
	each(t, func(w *world) {
		w.joined("alice")
		first := w.refreshing("alice")
		second := w.refresh(first.RefreshToken)
		third := w.refreshing("alice")
		for what, token := range map[string]string{"the first": first.AccessToken, "the second": second.AccessToken} {
			w.lets(what+" after another login", token, account.ErrUnknownToken)
		}
		fourth := w.refresh(third.RefreshToken)
		if err := w.Logout(w.Context(), third.Device); err != nil {
			w.Fatal(err)
		}
		for what, login := range map[string]account.Login{"the third": third, "the fourth": fourth} {
			w.lets(what+" after the logout", login.AccessToken, account.ErrUnknownToken)
			if _, err := w.Refresh(w.Context(), login.RefreshToken); !errors.Is(err, account.ErrUnknownToken) {
				w.Errorf("refreshing %s after the logout = %v, want %v", what, err, account.ErrUnknownToken)
			}
		}
	})
}
