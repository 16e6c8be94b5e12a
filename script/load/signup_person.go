package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
)

// postbox is who waits for the code of a message, by address.
type postbox struct {
	mu    sync.Mutex // guards waits
	waits map[string]chan string
}

// expect is where the code comes.
func (b *postbox) expect(address string) <-chan string {
	b.mu.Lock()
	defer b.mu.Unlock()
	comes := make(chan string, 1)
	b.waits[address] = comes
	return comes
}

// put has a code come to whoever waits for it.
func (b *postbox) put(address, code string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if comes := b.waits[address]; comes != nil {
		comes <- code
		delete(b.waits, address)
	}
}

// visit is one person's connections, for one sign-up after the other.
type visit struct {
	*duo
	toHome, toID *wire
	began        time.Time
	steps        [signupSteps]time.Duration
	done         int // steps
}

func (d *duo) visit(ctx context.Context) (v *visit, err error) {
	v = &visit{duo: d}
	if v.toHome, err = dial(ctx, d.home.addr); err != nil {
		return nil, err
	}
	if v.toID, err = dial(ctx, d.id.addr); err != nil {
		_ = v.toHome.Close()
		return nil, err
	}
	return v, nil
}

func (v *visit) close() {
	_ = v.toHome.Close()
	_ = v.toID.Close()
}

// step notes how long one took.
func (v *visit) step() {
	now := time.Now()
	v.steps[v.done] = now.Sub(v.began)
	v.done++
	v.began = now
}

// signUp goes through all steps, and returns how long each took.
func (v *visit) signUp(ctx context.Context) ([signupSteps]time.Duration, error) {
	v.began, v.done = time.Now(), 0
	name := "load" + strings.ToLower(rand.Text())
	address, secret := name+"@load.example", rand.Text()
	login := fmt.Sprintf(`"username":%q,"password":%q`, name, password)
	var asked struct {
		Session string
		Params  struct {
			Captcha struct{ ID string } `json:"im.signet.captcha"`
		}
	}
	if err := v.post(v3+"/register", `{`+login+`}`, 401, &asked); err != nil {
		return v.steps, err
	}
	v.step()
	captcha := asked.Params.Captcha.ID
	answer, err := v.answerTo(captcha)
	if err != nil {
		return v.steps, err
	}
	v.step()
	if err := v.post(v3+"/register", fmt.Sprintf(`{%s,"auth":{"type":"im.signet.captcha","session":%q,"answer":%q}}`, login, asked.Session, answer), 401, nil); err != nil {
		return v.steps, err
	}
	v.step()
	return v.steps, v.prove(ctx, address, secret, captcha, login, asked.Session)
}

// prove has a code sent, enters it, and makes the account.
func (v *visit) prove(ctx context.Context, address, secret, captcha, login, session string) error {
	comes := v.mail.expect(address)
	var asked struct{ SID string }
	if err := v.post(v3+"/register/email/requestToken", requestBody(address, secret, fmt.Sprintf(`,"im.signet.challenge":{"id":%q}`, captcha)), 200, &asked); err != nil {
		return err
	}
	v.step()
	var code string
	select {
	case code = <-comes:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(patience):
		return errNoCode
	}
	v.step()
	credentials := fmt.Sprintf(`"sid":%q,"client_secret":%q`, asked.SID, secret)
	if err := v.post("/_signet/v1/3pid/email/submitToken", fmt.Sprintf(`{%s,"token":%q}`, credentials, code), 200, nil); err != nil {
		return err
	}
	v.step()
	auth := fmt.Sprintf(`{%s,"auth":{"type":"m.login.email.identity","session":%q,"threepid_creds":{%s}}}`, login, session, credentials)
	if err := v.post(v3+"/register", auth, 200, nil); err != nil {
		return err
	}
	v.step()
	return nil
}

// post asks the homeserver, and reads the answer into what is given, if anything.
func (v *visit) post(path, body string, status int, into any) error {
	a, err := v.toHome.do(post(path, caller{host: v.homeHost}, body))
	if err == nil {
		err = a.hoped(status)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(a.body, into)
}

// errNoAnswer is the error of a CAPTCHA that the mailbox does not have.
var errNoAnswer = errors.New("the mailbox has no answer to the CAPTCHA")

// solvedPattern is the line of a CAPTCHA in the development mailbox.
var solvedPattern = regexp.MustCompile(`CAPTCHA (\w+)</span></a> <span class="hint">Answer</span> <strong>(\d+)</strong>`)

// answerTo reads the answer in the development mailbox.
func (v *visit) answerTo(captcha string) (string, error) {
	a, err := v.toID.do(get("/_signet/mailbox", caller{host: v.idHost}))
	if err == nil {
		err = a.hoped(200)
	}
	if err != nil {
		return "", err
	}
	for _, found := range solvedPattern.FindAllSubmatch(a.body, -1) {
		if string(found[1]) == captcha {
			return string(found[2]), nil
		}
	}
	return "", errNoAnswer
}
