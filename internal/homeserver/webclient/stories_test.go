package webclient_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const password = "a password for the tests"

// Anna signs up by every stage there is, with a slip at each, while somebody takes the name
// that she wants; she opens the link of the mail in place of entering its code.
func TestSignUp(t *testing.T) {
	s := startServers(t,
		[]string{"im.signet.captcha", "m.login.terms", "org.example.quiz", "m.login.email.identity"},
		[]string{"im.signet.captcha", "m.login.terms", "org.example.quiz", "m.login.msisdn"})
	anna := newVisitor(t, s)
	anna.goes("/signup")
	anna.reads("An account on hs.test")
	anna.looks("signup")
	anna.fills("User name", "Anna")
	anna.fills("Password", password+kb.Enter)

	anna.reads("Are you a person?")
	anna.looks("captcha")
	anna.fills("The six digits", "000000"+kb.Enter)
	anna.reads("These are not the digits.")
	if picture := evaluate[string](anna, `document.querySelector("img.picture").src`); !strings.HasSuffix(picture, "/image/c1") {
		t.Errorf("after a wrong answer the picture is %s", picture)
	}
	anna.empties()
	anna.fills("The six digits", "123 456"+kb.Enter)

	anna.reads("Do you agree?")
	anna.looks("terms")
	if links := evaluate[string](anna, `[...document.querySelectorAll("main a")].map((a) => a.href).join(" ")`); links != s.identity+"/privacy" {
		t.Errorf("the terms link to %s", links)
	}
	anna.presses("Continue")
	anna.reads("Without it there is no account.")
	anna.presses("I have read them and agree")
	anna.presses("Continue")

	anna.reads("One more step")
	anna.looks("unknown-stage")
	anna.presses("I have done it")
	anna.reads("The server still waits for this.")
	s.change(func(s *state) { s.taken = "anna" })
	anna.presses("Open that page")

	anna.reads("How do you want to go on?")
	anna.looks("choice")
	anna.presses("With an e-mail address")
	anna.reads("Nobody is shown the address.")
	anna.looks("address")
	anna.presses("Let people who know this address find me")
	anna.fills("E-mail address", "anna@example.org"+kb.Enter)
	anna.reads("A code was sent to")
	anna.looks("code")
	anna.fills("Code", "00000000"+kb.Enter)
	anna.reads("This is not the right code.")
	anna.presses("Send it again")
	anna.reads("Sent again at")
	s.change(func(s *state) { s.opened = true })

	anna.reads("Somebody has this user name already.")
	anna.empties()
	anna.fills("User name", "anna2"+kb.Enter)
	anna.reads("asks that you accept these first")
	now := s.now()
	if !slices.Equal(now.names, []string{"anna2"}) || !slices.Equal(now.passwords, []string{password}) {
		t.Errorf("%q have signed up with %q", now.names, now.passwords)
	}
	if want := `anna@example.org{"id":"c1"}true`; !slices.Equal(now.asked, []string{want, want}) {
		t.Errorf("messages were asked for by %q, want twice %s", now.asked, want)
	}
	anna.presses("I agree")
	anna.reads("You can be found")
	anna.looks("bound")
	if !s.now().bound {
		t.Error("the address is not bound")
	}
	anna.goes("/account")
	anna.presses("Be found no longer")
	anna.reads("Nothing: who does not know")
	anna.looks("account")
	if s.now().bound {
		t.Error("the address is still bound")
	}
}

// Ben does not want to be found when he signs up, and thinks better of it; carol does while the
// identity server is busy.
func TestBeingFound(t *testing.T) {
	s := startServers(t, []string{"m.login.email.identity"})
	ben := newVisitor(t, s)
	ben.goes("/signup")
	ben.signsUp("ben", false)
	ben.reads("Hello, @ben:hs.test")
	if now := s.now(); now.bound || now.found != "" {
		t.Errorf("who did not choose it is found: %v", now.asked)
	}
	s.change(func(s *state) { s.needed = true })
	ben.goes("/found")
	ben.reads("Do you want to be found?")
	ben.looks("found")
	ben.presses("Be found by anna@example.org")
	ben.reads("asks that you accept these first")
	ben.presses("I agree")
	ben.reads("Are you a person?")
	ben.fills("The six digits", code[:6]+kb.Enter)
	ben.fills("Code", "1234 5678"+kb.Enter)
	ben.reads("You can be found")
	if !s.now().bound {
		t.Error("the address is not bound")
	}
	ben.presses("Log out")
	ben.reads("Forgot the password?")

	s.change(func(s *state) { s.needed, s.busy, s.completed = false, true, nil })
	ben.goes("/signup")
	ben.signsUp("carol", true)
	ben.reads("Your server tries again by itself for a day.")
	ben.looks("found-later")
	ben.presses("To your rooms")
	ben.reads("Hello, @carol:hs.test")
}

// signsUp is all that it takes where an address is enough.
func (v visitor) signsUp(name string, found bool) {
	v.Helper()
	v.reads("An account on") // a login asks for a name, too
	v.fills("User name", name)
	v.fills("Password", password+kb.Enter)
	v.reads("Let people who know this address find me")
	if found {
		v.presses("Let people who know this address find me")
	}
	v.fills("E-mail address", name+"@example.org"+kb.Enter)
	v.fills("Code", code+kb.Enter)
}

// Somebody logs in by each of their names, and what strangers wrote is text to them.
func TestLogIn(t *testing.T) {
	s := startServers(t)
	anna := newVisitor(t, s)
	anna.goes("/")
	anna.reads("Forgot the password?")
	anna.looks("login")
	for _, name := range []string{"anna@example.org", "+44 7400 123456", "@anna:hs.test"} {
		anna.fills("User name", name)
		anna.fills("Password", "wrong"+kb.Enter)
		anna.reads("The name or the password is wrong.")
		anna.goes("/signup")
		anna.reads("An account on")
		anna.goes("/login")
		anna.reads("Forgot the password?")
	}
	anna.fills("User name", "0151 123456")
	anna.fills("Password", password+kb.Enter)
	anna.reads("Begin a phone number with +")
	anna.goes("/signup")
	anna.reads("An account on")
	anna.goes("/login")
	anna.reads("Forgot the password?")
	anna.fills("User name", "anna")
	anna.fills("Password", password+kb.Enter)
	anna.reads("Hello, @anna:hs.test")
	want := []string{`{"type":"m.id.thirdparty","medium":"email","address":"anna@example.org"}`, `{"type":"m.id.thirdparty","medium":"msisdn","address":"447400123456"}`,
		`{"type":"m.id.user","user":"@anna:hs.test"}`, `{"type":"m.id.user","user":"anna"}`}
	if asked := s.now().asked; !slices.Equal(asked, want) {
		t.Errorf("the identifiers are %q, want %q", asked, want)
	}

	anna.reads("invites you to")
	anna.looks("rooms")
	anna.goes("/room/!r%3Aevil.test")
	anna.reads("plain <img src=x")
	anna.reads("An encrypted message, which this page cannot read.")
	anna.reads("A file or picture, which this page cannot show")
	anna.looks("room")
	if evil := evaluate[bool](anna, `document.title.startsWith("evil") || document.querySelector("main img") !== null`); evil {
		t.Error("what a stranger wrote was made HTML")
	}
	anna.presses("Leave")
	anna.reads("This did not work.")
	anna.looks("failed")
	kept := evaluate[string](anna, `sessionStorage.length + " " + localStorage.length`)
	anna.presses("Log out")
	anna.reads("Forgot the password?")
	if gone := evaluate[string](anna, `sessionStorage.length + " " + localStorage.length`); kept != "1 0" || gone != "0 0" {
		t.Errorf("the stores have %s, and after the logout %s; want 1 0 and 0 0", kept, gone)
	}
}

// Somebody who has lost the password gets another by a text message.
func TestReset(t *testing.T) {
	s := startServers(t, []string{"m.login.email.identity"}, []string{"m.login.msisdn"})
	anna := newVisitor(t, s)
	anna.goes("/login")
	anna.presses("Forgot the password?")
	anna.fills("New password", password+kb.Enter)
	anna.presses("With a phone number")
	anna.fills("Phone number", "0151 123"+kb.Enter)
	anna.reads("Begin a phone number with +")
	anna.empties()
	anna.fills("Phone number", "+49 151 1234567"+kb.Enter)
	anna.fills("Code", code+kb.Enter)
	anna.reads("You have a new password")
	anna.looks("reset")
	anna.presses("Log in")
	anna.reads("Forgot the password?")
	anna.presses("العربية")
	anna.reads("هل نسيت كلمة المرور؟")
	anna.looks("login-arabic")
	if page := evaluate[string](anna, `document.documentElement.dir + location.search + location.hash`); page != "rtl?lang=ar#/login" {
		t.Errorf("in Arabic the page is %s", page)
	}
	if now := s.now(); !slices.Equal(now.passwords, []string{password}) || !slices.Equal(now.asked, []string{"+491511234567"}) {
		t.Errorf("the passwords are %q, by %q", now.passwords, now.asked)
	}
}
