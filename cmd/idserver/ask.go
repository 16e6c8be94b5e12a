package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/config"
	"signet/internal/matrix"
	"signet/internal/program"
	"signet/internal/threepid"
	"signet/keys/entry"
	"signet/keys/proof"
	"signet/keys/value"
)

// tokenVariable is the environment variable that can hold an access token in place of a file.
const tokenVariable = "SIGNET_TOKEN"

// ask asks a server about an address and verifies what it answers, each answer against the
// log that the one before it has shown.
func (c verifyCommand) ask(env program.Env) error {
	if c.Label != "" || c.History {
		return misused("--label and --history are about a file; a server is asked about an address")
	}
	if len(c.What) > 1 {
		return misused("a server is asked about one address")
	}
	labels, err := labelsToAsk(c.What[0])
	if err != nil {
		return verdict{fmt.Errorf("%q is no address: %w", c.What[0], err), statusUnreadable}
	}
	s, err := newAsker(c.Server, c.Token)
	if err != nil {
		return verdict{err, statusUnreadable}
	}
	policy, err := c.trusted(env, s)
	if err != nil {
		return err
	}
	head, err := c.seen(policy.Origin)
	if err != nil {
		return err
	}
	var answers []proof.Result
	for _, label := range labels {
		asked := proof.Asked{Label: label.String(), Head: head}
		fmt.Fprintf(env.Stdout, "ask   %s about %s\n", printable(s.base), printable(asked.Label))
		text, err := s.lookup(env.Ctx, asked)
		if err != nil {
			return verdict{err, statusUnreadable}
		}
		newest, err := verifyLookup(env, "what the server answers", text, asked, policy)
		if err != nil {
			return err
		}
		head, answers = &newest.Head, append(answers, newest)
	}
	if err := warn(env.Stdout, answers); err != nil {
		return err
	}
	return c.remember(policy.Origin, *head)
}

// warn says where two answers that hold do not go together: the keys of an address may be of
// somebody else than is bound to it, as of who had a phone number before.
func warn(w io.Writer, answers []proof.Result) error {
	var bound, named matrix.UserID
	for _, a := range answers {
		switch v := a.Value.(type) {
		case *value.Association:
			bound = v.MXID
		case *value.User:
			named = v.MXID
		}
	}
	if len(answers) < 2 || named == "" || named == bound {
		return nil
	}
	whom := "and nobody is bound to the address"
	if bound != "" {
		whom = "and the address is bound to " + printable(bound.String())
	}
	_, err := fmt.Fprintf(w, "NOTE  the keys name %s, %s: do not take them for the keys of who is found by it\n", printable(named.String()), whom)
	return err
}

// labelsToAsk are those that an address has: who is behind it, and its keys. A label is
// itself alone.
func labelsToAsk(text string) ([]entry.Label, error) {
	medium, rest, _ := strings.Cut(text, ":")
	switch m := entry.Medium(medium); m {
	case entry.Email, entry.MSISDN, entry.MXID, entry.Binding:
		l, err := entry.NewLabel(m, rest)
		return []entry.Label{l}, err
	}
	if strings.HasPrefix(text, "@") {
		l, err := entry.NewLabel(entry.MXID, text)
		return []entry.Label{l}, err
	}
	a, err := parseAddress(text)
	if err != nil {
		return nil, err
	}
	bound, err := entry.BindingLabel(a)
	if err != nil {
		return nil, err
	}
	keys, err := entry.AddressLabel(a)
	return []entry.Label{bound, keys}, err
}

func parseAddress(text string) (threepid.Address, error) {
	if strings.HasPrefix(text, "+") {
		return threepid.ParsePhone(text, "US") // with its +, it is the same from every country
	}
	return threepid.ParseEmail(text)
}

// asker asks a key directory over HTTP. No redirection is followed: it would be given the
// token.
type asker struct {
	base, token string
	client      *http.Client
}

// answerTime is how long one answer may take to its last octet.
const answerTime = 30 * time.Second

var (
	errServerURL = errors.New("--server is a URL without a path, of https, or of http on this machine, such as https://id.example.org")
	errNoToken   = errors.New("the server answers to those it knows: put an access token into a file and name it by --token-file, or into the variable " + tokenVariable)
	errElsewhere = errors.New("it refers to another place, which is not followed")
	errAnswer    = errors.New("the answer is too long")
)

func newAsker(server, tokenFile string) (*asker, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || !private(u) {
		return nil, errServerURL
	}
	token, err := config.Secret(tokenFile, tokenVariable)
	if err != nil {
		return nil, fmt.Errorf("--token-file: %w", err)
	}
	if token = strings.TrimSpace(token); token == "" {
		return nil, errNoToken
	}
	client := &http.Client{Timeout: answerTime, CheckRedirect: func(*http.Request, []*http.Request) error { return errElsewhere }}
	return &asker{base: u.Scheme + "://" + u.Host + "/_signet/v1/keys", token: token, client: client}, nil
}

// private tells whether nobody on the way reads the token.
func private(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// lookup asks for the newest version of a label.
func (s *asker) lookup(ctx context.Context, asked proof.Asked) ([]byte, error) {
	question := struct {
		Label    string `json:"label"`
		LastSize int64  `json:"last_size,omitzero"`
	}{Label: asked.Label}
	if asked.Head != nil {
		question.LastSize = asked.Head.N
	}
	body, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	return s.do(ctx, http.MethodPost, "lookup", body, proof.MaxLookup)
}

func (s *asker) do(ctx context.Context, method, path string, body []byte, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.base+"/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Authorization", "Bearer "+s.token)
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the server: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the server's answer: %w", err)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the server answers %s%s", printable(response.Status), said(text))
	case int64(len(text)) > limit:
		return nil, errAnswer
	}
	return text, nil
}

// said is why a server refused, in its words, as far as they are those of Matrix.
func said(text []byte) string {
	var m struct {
		Errcode string `json:"errcode"`
		Error   string `json:"error"`
	}
	if err := json.Unmarshal(text, &m); err != nil || m.Errcode == "" {
		return ""
	}
	return ": " + printable(fmt.Sprintf("%.100s %.300s", m.Errcode, cmp.Or(m.Error, "without a reason")))
}
