package page_test

import (
	"fmt"
	"strings"
	"testing"

	"signet/internal/clocktest"
	"signet/internal/deliver"
	"signet/keys/people"
	"signet/lookup/invite"
	"signet/verify/captcha"
	"signet/web/page"
)

const wantRoutes = `
GET /
POST /_signet/verify
POST /_signet/verify/code
POST /_signet/verify/again
POST /_signet/verify/edit
POST /_signet/verify/captcha
POST /_signet/verify/captcha/another
GET /_signet/verify
GET /_signet/verify/code
GET /_signet/verify/again
GET /_signet/verify/edit
GET /_signet/verify/captcha
GET /_signet/verify/captcha/another
GET /_signet/verify/:token
POST /_signet/verify/:token
GET /_signet/owner
POST /_signet/owner
POST /_signet/owner/unbind
POST /_signet/owner/refuse
POST /_signet/owner/allow
POST /_signet/owner/erase
POST /_signet/owner/download
GET /_signet/owner/:action
GET /n/:token
POST /n/:token
POST /n/:token/allow
GET /n/:token/allow
GET /_matrix/identity/v2/validate/email/submitToken
GET /_matrix/identity/v2/validate/msisdn/submitToken
GET /_signet/style.css
GET /_signet/seal.svg
`

const wantLogRoutes = `POST /_signet/owner/discard
`

const wantMailboxRoutes = `GET /_signet/mailbox
GET /_signet/mailbox/:id
GET /_signet/mailbox/:id/html
`

const wantCaptchaRoutes = `GET /_signet/captcha/:id
POST /_signet/captcha/:id
GET /_signet/captcha/:id/image
GET /_signet/captcha/:id/audio
`

const wantInviteRoutes = `GET /invitation
GET /i
POST /invitation
GET /invitation/never/:token
POST /invitation/never/:token
POST /invitation/never/:token/allow
GET /invitation/never/:token/allow
GET /_signet/invitation.js
`

func TestTheRoutes(t *testing.T) {
	mailbox, err := deliver.NewMailbox(t.TempDir(), clocktest.New().Now)
	if err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]page.Options{
		wantRoutes: {}, wantRoutes + wantLogRoutes + wantCaptchaRoutes + wantInviteRoutes + wantMailboxRoutes: {Log: new(people.People), Mailbox: mailbox, Captcha: new(captcha.Captcha), Invites: new(invite.Invites)},
	} {
		o.Name = "id.example.org"
		pages, err := page.New(o)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, r := range pages.Routes() {
			fmt.Fprintln(&got, r.Method, r.Path)
			if !r.Page {
				t.Errorf("%s %s is not marked as a page", r.Method, r.Path)
			}
		}
		if got.String() != strings.TrimPrefix(want, "\n") {
			t.Errorf("the routes are\n%swant\n%s", got.String(), want)
		}
	}
}
