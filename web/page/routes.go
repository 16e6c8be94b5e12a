package page

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// maxForm is the size in bytes that a form may have: an address, a session and a
// code, with room for how browsers escape them.
const maxForm = 8 << 10

// Routes is the table of routes.
func (p *Pages) Routes() []mxhttp.Route {
	const validate = "/_matrix/identity/v2/validate"
	routes := []mxhttp.Route{
		p.get("/", p.home),

		p.post("/_signet/verify", p.start),
		p.post("/_signet/verify/code", p.submitCode),
		p.post("/_signet/verify/again", p.sendAgain),
		p.post("/_signet/verify/edit", p.edit),
		p.post("/_signet/verify/captcha", p.answerStep),
		p.post("/_signet/verify/captcha/another", p.anotherStep),
		// What a browser asks for when somebody returns to the address of a form's answer.
		p.get("/_signet/verify", p.startOver),
		p.get("/_signet/verify/code", p.startOver),
		p.get("/_signet/verify/again", p.startOver),
		p.get("/_signet/verify/edit", p.startOver),
		p.get("/_signet/verify/captcha", p.startOver),
		p.get("/_signet/verify/captcha/another", p.startOver),

		p.get("/_signet/verify/:token", p.link),
		p.post("/_signet/verify/:token", p.confirm),

		p.get(OwnerPath, p.owner),
		p.post(OwnerPath, p.showOwner),
		p.post(OwnerPath+"/unbind", p.atOwner(p.unbindOwned)),
		p.post(OwnerPath+"/refuse", p.atOwner(p.refuse)),
		p.post(OwnerPath+"/allow", p.atOwner(p.allowAgain)),
		p.post(OwnerPath+"/erase", p.atOwner(p.erase)),
		p.post(OwnerPath+"/download", p.download),
		p.get(OwnerPath+"/:action", p.startOwner),

		p.get("/n/:token", p.stop),
		p.post("/n/:token", p.end),
		p.post("/n/:token"+allowSuffix, p.allow),
		p.get("/n/:token"+allowSuffix, p.backToStop),

		p.get(validate+"/email/submitToken", p.submitToken),
		p.get(validate+"/msisdn/submitToken", p.submitToken),

		p.get(stylePath, p.serveStyle),
		p.get(iconPath, serveIcon),
	}
	if p.Log != nil {
		routes = append(routes, p.post(OwnerPath+"/discard", p.atOwner(p.discard)))
	}
	if p.Captcha != nil {
		routes = append(routes,
			p.get("/_signet/captcha/:id", p.challenge),
			p.post("/_signet/captcha/:id", p.pass),
			p.get("/_signet/captcha/:id/image", p.challengeImage),
			p.get("/_signet/captcha/:id/audio", p.challengeAudio))
	}
	if p.Invites != nil {
		routes = append(routes,
			p.get(invitationPath, p.invitation),
			p.get(shortInvitationPath, p.invitation),
			p.post(invitationPath, p.showInvitation),
			p.get(neverPath+"/:token", p.never),
			p.post(neverPath+"/:token", p.refuseInvitations),
			p.post(neverPath+"/:token"+allowSuffix, p.allowInvitations),
			p.get(neverPath+"/:token"+allowSuffix, p.backToNever),
			p.get(scriptPath, p.serveScript))
	}
	if p.Mailbox != nil {
		routes = append(routes,
			p.get(mailboxPath, p.mailbox),
			p.get(mailboxPath+"/:id", p.message),
			p.get(mailboxPath+"/:id/html", p.messageHTML))
	}
	return routes
}

func (p *Pages) get(path string, h echo.HandlerFunc) mxhttp.Route {
	return mxhttp.Route{Method: http.MethodGet, Path: path, Handler: called(h), Page: true}
}

// post is a route that only our own pages reach: a browser on another site's errand
// is refused.
func (p *Pages) post(path string, h echo.HandlerFunc) mxhttp.Route {
	guarded := func(c echo.Context) error {
		if err := p.foreign.Check(c.Request()); err != nil {
			return mxhttp.Problem{Status: http.StatusForbidden, Code: matrix.Forbidden,
				Message: "the form was not sent from a page of this server"}
		}
		return h(c)
	}
	return mxhttp.Route{Method: http.MethodPost, Path: path, Handler: called(guarded), Page: true, MaxBody: maxForm}
}

// called names the kind of caller for the log.
func called(h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		mxhttp.SetCaller(c, "page")
		return h(c)
	}
}

func (p *Pages) startOver(c echo.Context) error {
	private(c, pagePolicy)
	return c.Redirect(http.StatusSeeOther, withLanguage("/", c))
}
