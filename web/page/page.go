package page

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/deliver"
	"signet/internal/keyring"
	"signet/internal/locale"
	"signet/internal/look"
	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/people"
	"signet/keys/proof"
	"signet/lookup"
	"signet/verify"
)

// Verifier is what the pages ask of *verify.Verifier, under its terms.
type Verifier interface {
	Request(ctx context.Context, r verify.Request) (sid string, err error)
	Submit(ctx context.Context, c verify.Credentials, caller verify.Caller, code string) error
	SubmitAnyone(ctx context.Context, c verify.Credentials, code string) (nextLink string, err error)
	ProveAnyone(ctx context.Context, c verify.Credentials) (verify.Proof, error)
	ProveOwner(ctx context.Context, c verify.Credentials) (verify.Proof, error)
	RefusedUntil(ctx context.Context, p verify.Proof) (time.Time, error)
	Refuse(ctx context.Context, p verify.Proof) error
	Allow(ctx context.Context, p verify.Proof) error
	Link(ctx context.Context, token string) (verify.Link, error)
	Confirm(ctx context.Context, token string) (verify.Link, error)
	StopPage(ctx context.Context, token string) (verify.Stopped, error)
	Stop(ctx context.Context, token string, silence bool) (verify.Stopped, error)
	Unsilence(ctx context.Context, token string) (verify.Stopped, error)
}

// Directory is what the owner's page asks of *lookup.Directory, under its terms.
type Directory interface {
	Owned(ctx context.Context, proof verify.Proof) (lookup.Owned, error)
	HeldFor(ctx context.Context, proof verify.Proof) (lookup.Document, error)
	UnbindAsOwner(ctx context.Context, proof verify.Proof) error
	EraseAsOwner(ctx context.Context, proof verify.Proof) error
}

// Log is what the owner's page asks of the log of people's keys, *people.People, under its terms.
type Log interface {
	AskHistory(ctx context.Context, by people.Asker, l entry.Label, page people.Page) error
	History(ctx context.Context, l entry.Label, page people.Page, last int64) (*proof.History, error)
	Versions(ctx context.Context, l entry.Label) (int64, error)
	Behind(ctx context.Context, l entry.Label) (bool, error)
	Waiting(ctx context.Context, l entry.Label) (*people.Recovery, error)
	Discard(ctx context.Context, p verify.Proof) error
}

// Keys lists the server's signing keys, the newest first.
type Keys interface {
	List(ctx context.Context) ([]keyring.Key, error)
}

// TermsLink is a document that the front page links to.
type TermsLink struct{ Title, URL string }

// Options are what the pages need.
type Options struct {
	Name      matrix.ServerName
	Verifier  Verifier
	Directory Directory
	Captcha   Captcha // nil shows none
	Invites   Invites // nil shows none
	// SignUp is where those who are invited get an account; empty names no place.
	SignUp string
	Keys   Keys
	// Log is where the history of an address is; nil shows none. Trust is by what it is
	// verified, and PublicURL where others can do so.
	Log       Log
	Trust     func(ctx context.Context) (proof.Config, error)
	PublicURL string
	// Email and SMS tell which addresses can be proven here.
	Email, SMS bool
	Terms      []TermsLink
	// NextOrigins are the origins, such as https://app.example.org, to which GET
	// submitToken sends people on without asking.
	NextOrigins []string
	// Development puts a warning on every page.
	Development bool
	// Mailbox is shown to whoever asks; nil shows none.
	Mailbox *deliver.Mailbox
	Rand    io.Reader // client secrets come from it
	Now     func() time.Time
}

// Pages answers people. It is safe for concurrent use.
type Pages struct {
	Options
	site       site
	origins    map[string]bool
	foreign    *http.CrossOriginProtection
	recordings recordings
}

// New reads the phrases and templates. It refuses a next origin that is none.
func New(o Options) (*Pages, error) {
	p := &Pages{Options: o, origins: make(map[string]bool), foreign: http.NewCrossOriginProtection()}
	for _, origin := range o.NextOrigins {
		if !ValidOrigin(origin) {
			return nil, fmt.Errorf("%q is not the origin of a web page, such as https://app.example.org", origin)
		}
		p.origins[origin] = true
	}
	p.site = site{
		Name: o.Name.String(), Email: o.Email, SMS: o.SMS, Development: o.Development, Mailbox: o.Mailbox != nil,
		Terms: o.Terms, Style: stylePath + "?v=" + versionOf(style), Script: scriptPath + "?v=" + versionOf(script), Icon: iconPath, Seal: template.HTML(look.Seal),
	}
	return p, library().err
}

// site is what every page may tell of the server.
type site struct {
	Name        string
	Email, SMS  bool
	Development bool
	Mailbox     bool
	Terms       []TermsLink
	Style, Icon string
	Script      string        // of the one page that has one
	Seal        template.HTML // ours: the icon, drawn into the page
}

// The pages, by the names of their templates.
const (
	homeName       = "home"
	stepName       = "step"
	codeName       = "code"
	linkName       = "link"
	verifiedName   = "verified"
	stopName       = "stop"
	stoppedName    = "stopped"
	invitationName = "invitation"
	invitedName    = "invited"
	neverName      = "never"
	challengeName  = "challenge"
	passedName     = "passed"
	problemName    = "problem"
	mailboxName    = "mailbox"
	messageName    = "message"
	askOwnerName   = "askowner"
	ownerName      = "owner"
	erasedName     = "erased"
)

// developers' pages stay in English, as logs and the command line do: whoever runs a
// server in development mode reads those too.
var developers = map[string]bool{mailboxName: true, messageName: true}

// view is what a template sees.
type view struct {
	Site     site
	Language locale.Language
	Menu     []choice // to choose from; empty where there is no choice
	Home     string
	Page     any
}

// render answers with the page of that name, in the person's language. Its template
// sees content as .Page.
func (p *Pages) render(c echo.Context, status int, name string, content any) error {
	v := view{Site: p.site, Menu: menu(c), Home: withLanguage("/", c), Page: content}
	v.Language, _ = languageOf(c)
	if developers[name] {
		v.Language, v.Menu = locale.English, nil
	}
	var b bytes.Buffer
	if err := library().pages[v.Language][name].Execute(&b, v); err != nil {
		return fmt.Errorf("rendering the page %s: %w", name, err)
	}
	private(c, pagePolicy+alsoLoads[name])
	c.Response().Header().Set("Content-Language", v.Language.String())
	c.Response().Header().Set("Vary", "Accept-Language")
	return c.HTMLBlob(status, b.Bytes())
}

// pagePolicy lets a page load our style and icon, send forms to us, and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// alsoLoads is what some pages load beside.
var alsoLoads = map[string]string{
	messageName:    "; frame-src 'self'", // the HTML version of a message
	stepName:       "; media-src 'self'", // a CAPTCHA read aloud
	challengeName:  "; media-src 'self'",
	invitationName: "; script-src 'self'", // what reads the fragment of its address
}

// private keeps an answer out of caches and other people's pages, and its address,
// which may hold a token, out of the Referer that other sites see. Our own forms keep
// their Origin, by which they are told from other sites'.
func private(c echo.Context, policy string) {
	h := c.Response().Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
