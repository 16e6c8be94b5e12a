package clientapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/userdata"
	"signet/internal/homeserver/userdirectory"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/quota"
	"signet/internal/threepid"
)

// The bounds of a search for people.
const (
	usualFound = 10  // client-server API, limit's default
	mostFound  = 50  // of which more is not given, whatever limit says
	maxTerm    = 512 // characters
	namingLife = 5 * time.Second
)

var (
	errTerm  = errors.New("search_term has more than 512 characters")
	errLimit = errors.New("limit is below 1")
)

func (a *API) directoryRoutes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodPost, Path: v3 + "/user_directory/search", Handler: a.paced(bySearch, a.searchUsers)},
	}
}

type searchUsersRequest struct {
	Term  *string `json:"search_term" required:"true"`
	Limit *int    `json:"limit"`
}

type searchUsersAnswer struct {
	Limited bool        `json:"limited"`
	Results []foundUser `json:"results"`
}

type foundUser struct {
	UserID      matrix.UserID `json:"user_id"`
	DisplayName string        `json:"display_name,omitempty"`
	AvatarURL   string        `json:"avatar_url,omitempty"`
}

// read checks it. Errors: errTerm, errLimit.
func (r searchUsersRequest) read(by matrix.UserID) (userdirectory.Search, error) {
	s := userdirectory.Search{By: by, Term: *r.Term, Limit: usualFound}
	if r.Limit != nil {
		s.Limit = min(*r.Limit, mostFound)
	}
	switch {
	case utf8.RuneCountInString(s.Term) > maxTerm:
		return s, errTerm
	case s.Limit < 1:
		return s, errLimit
	}
	return s, nil
}

// POST /_matrix/client/v3/user_directory/search
func (a *API) searchUsers(c echo.Context, device account.Device) error {
	var r searchUsersRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	s, err := r.read(device.User)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if s.Without, err = a.Data.Ignored(ctx, s.By); err != nil {
		return err
	}
	found, limited, err := a.People.Find(ctx, s)
	if err != nil {
		return err
	}
	if found, err = a.addBehind(c, s, found); err != nil {
		return err
	}
	if len(found) > s.Limit {
		found, limited = found[:s.Limit], true
	}
	answer := searchUsersAnswer{Limited: limited, Results: make([]foundUser, len(found))}
	for i, f := range found {
		answer.Results[i] = foundUser{f.User, f.DisplayName, f.AvatarURL}
	}
	return mxhttp.Reply(c, http.StatusOK, answer)
}

// addBehind puts who has the address that is searched for, if it is a whole one, before all
// others. An identity server that does not answer changes nothing.
func (a *API) addBehind(c echo.Context, s userdirectory.Search, found []userdirectory.Found) ([]userdirectory.Found, error) {
	address, whole := wholeAddress(s.Term)
	at, there := a.Trusted.Default()
	if !whole || !there {
		return found, nil
	}
	err := a.charge(c, slices.Concat(byFindOf.ofClient(c, 1), []quota.Charge{{Budget: string(byFind), Subject: s.By.String(), N: 1}})...)
	if _, spent := errors.AsType[matrix.LimitExceeded](err); spent {
		return found, nil
	}
	if err != nil {
		return nil, err
	}
	user, err := a.behindAddress(c.Request().Context(), at, address)
	if err != nil {
		mxhttp.Log(c).Info("an identity server does not say who is behind an address that is searched for", "server", at.Name, "error", err)
		return found, nil
	}
	if user == "" || user == s.By || s.Without[string(user)] {
		return found, nil
	}
	shown, there, err := a.shown(c.Request().Context(), s.By, user)
	if err != nil || !there {
		return found, err
	}
	found = slices.DeleteFunc(found, func(f userdirectory.Found) bool { return f.User == user })
	return slices.Insert(found, 0, shown), nil
}

// wholeAddress reads what may be an e-mail address, or a phone number in international form.
func wholeAddress(term string) (address threepid.Address, whole bool) {
	term = strings.TrimSpace(term)
	var err error
	switch {
	case strings.HasPrefix(term, "@"): // a user id
		return address, false
	case strings.HasPrefix(term, "+"), strings.HasPrefix(term, "＋"):
		address, err = threepid.ParsePhone(term, "US") // any country does: the number names its own
	case strings.Contains(term, "@"):
		address, err = threepid.ParseEmail(term)
	default:
		return address, false
	}
	return address, err == nil
}

// behindAddress is who is behind an address, empty if nobody is.
func (a *API) behindAddress(ctx context.Context, at idclient.Server, address threepid.Address) (matrix.UserID, error) {
	found, err := a.Identity.Lookup(ctx, at, idclient.Homeserver, []threepid.Address{address})
	return found[address], err
}

// shown is a user who was found by an address, as the searcher may see them; false for one of
// this server whose account has ended. The name of a user of another server whom nobody knows
// here is asked for there, and left out if that fails.
func (a *API) shown(ctx context.Context, by, user matrix.UserID) (userdirectory.Found, bool, error) {
	f := userdirectory.Found{User: user}
	if user.Server() == a.ServerName {
		there, err := a.Accounts.Exists(ctx, user)
		if err != nil || !there {
			return f, false, err
		}
		p, err := a.Data.Profile(ctx, user)
		return named(f, p), true, err
	}
	known, seen, err := a.People.Known(ctx, by, user)
	if err != nil {
		return f, false, err
	}
	if seen || a.Remote == nil {
		f.DisplayName, f.AvatarURL = known.DisplayName, known.AvatarURL
		return f, true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, namingLife)
	defer cancel()
	p, err := a.Remote.Profile(ctx, user.Server(), user, "")
	if err != nil {
		return f, true, nil
	}
	return named(f, p), true, nil
}

func named(f userdirectory.Found, p userdata.Profile) userdirectory.Found {
	f.DisplayName, f.AvatarURL = p.Text(userdata.DisplayName), p.Text(userdata.AvatarURL)
	return f
}
