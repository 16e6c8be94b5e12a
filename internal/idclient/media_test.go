package idclient_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"signet/internal/fedclient"
	"signet/internal/threepid"
)

// Anybody may ask an identity server what it sends; most do not tell, and one may say anything.
func TestMedia(t *testing.T) {
	for answer, want := range map[string][]threepid.Medium{
		`200 {"im.signet.media":["email","msisdn"]}`:         {threepid.Email, threepid.MSISDN},
		`200 {"im.signet.media":["pigeon","email","email"]}`: {threepid.Email},
		`200 {"im.signet.media":[]}`:                         {},
		`200 {}`:                                             nil,
		`200 {"im.signet.media":null}`:                       nil,
	} {
		s := &server{answers: []string{answer}}
		media, said, err := newClient(s).Media(t.Context(), at(t))
		if err != nil || said != (want != nil) || !slices.Equal(media, want) {
			t.Errorf("%s: %v, %v, %v", answer, media, said, err)
		}
		if len(s.asked) != 1 || s.asked[0] != "nobody: GET "+base {
			t.Errorf("asked %q", s.asked)
		}
	}
	for _, lie := range []string{`200`, `200 []`, `200 {"im.signet.media":"email"}`, `200 {"im.signet.media":[1]}`,
		`200 {"im.signet.media":[` + strings.Repeat(`"email",`, 1000) + `"email"]}`} {
		if _, _, err := newClient(&server{answers: []string{lie}}).Media(t.Context(), at(t)); !errors.Is(err, fedclient.ErrBadAnswer) {
			t.Errorf("%.40s: %v", lie, err)
		}
	}
	if _, _, err := newClient(&server{answers: []string{`404 {"errcode":"M_UNRECOGNIZED"}`}}).Media(t.Context(), at(t)); err == nil {
		t.Error("what is no identity server is no error")
	}
}
