package page

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/deliver"
	"signet/internal/mxhttp"
)

const mailboxPath = "/_signet/mailbox"

// storedMessage is a message of the development mailbox as its pages show it.
type storedMessage struct {
	deliver.Stored
}

// Path is the address of the message's own page, escaped.
func (m storedMessage) Path() string { return mailboxPath + "/" + url.PathEscape(m.ID) }

// Receiver is where the message would have gone.
func (m storedMessage) Receiver() string {
	if m.Kind == "sms" {
		return "+" + m.To
	}
	return m.To
}

// Time is when it was stored.
func (m storedMessage) Time() time.Time { return m.At.UTC() }

// codePattern is a run of digits as messages write codes: grouped or not.
var codePattern = regexp.MustCompile(`\b(?:[0-9]{4} ?[0-9]{4}|[0-9]{6})\b`)

// Code is the code in the message, empty if it has none.
func (m storedMessage) Code() string { return codePattern.FindString(m.Text) }

// span is a part of a text that is one link, or has none.
type span struct {
	Text string
	Link bool
}

var webLink = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?)]`)

// Spans is the text of the message, its links told apart.
func (m storedMessage) Spans() []span {
	var spans []span
	rest := m.Text
	for at := webLink.FindStringIndex(rest); at != nil; at = webLink.FindStringIndex(rest) {
		spans = append(spans, span{Text: rest[:at[0]]}, span{Text: rest[at[0]:at[1]], Link: true})
		rest = rest[at[1]:]
	}
	return append(spans, span{Text: rest})
}

// mailboxPage is what would have been sent, and what one would have to read off a
// picture.
type mailboxPage struct {
	Messages   []storedMessage
	Challenges []solved
}

// solved is a CAPTCHA with its answer.
type solved struct {
	ID, Path, Answer string
	Passed           bool
}

// GET /_signet/mailbox
func (p *Pages) mailbox(c echo.Context) error {
	stored, err := p.Mailbox.List()
	if err != nil {
		return err
	}
	page := mailboxPage{Messages: make([]storedMessage, len(stored))}
	for i, s := range stored {
		page.Messages[i] = storedMessage{s}
	}
	if page.Challenges, err = p.solve(c.Request().Context()); err != nil {
		return err
	}
	return p.render(c, http.StatusOK, mailboxName, page)
}

func (p *Pages) solve(ctx context.Context) (all []solved, err error) {
	if p.Captcha == nil {
		return nil, nil
	}
	recent, err := p.Captcha.Recent(ctx)
	for _, r := range recent {
		all = append(all, solved{ID: r.ID, Path: ChallengePath(r.ID), Answer: p.Captcha.Answer(r.ID), Passed: r.Passed})
	}
	return all, err
}

// GET /_signet/mailbox/{id}
func (p *Pages) message(c echo.Context) error {
	m, err := p.stored(c)
	if err != nil {
		return err
	}
	return p.render(c, http.StatusOK, messageName, m)
}

// messagePolicy shows a message as careful mail programs do: nothing is loaded, no
// script runs, and the page that frames it is out of its reach.
const messagePolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"

// GET /_signet/mailbox/{id}/html
func (p *Pages) messageHTML(c echo.Context) error {
	m, err := p.stored(c)
	if err != nil {
		return err
	}
	if m.HTML == "" {
		return echo.ErrNotFound
	}
	private(c, messagePolicy)
	return c.HTML(http.StatusOK, m.HTML)
}

func (p *Pages) stored(c echo.Context) (storedMessage, error) {
	id, err := mxhttp.Segment(c, "id")
	if err != nil {
		return storedMessage{}, err
	}
	s, err := p.Mailbox.Get(id)
	if errors.Is(err, deliver.ErrNoMessage) {
		return storedMessage{}, echo.ErrNotFound
	}
	return storedMessage{s}, err
}
