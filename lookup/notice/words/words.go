package words

import (
	"embed"
	"errors"
	"slices"

	"signet/internal/locale"
	"signet/internal/wording"
)

// Kind is what a notice is about.
type Kind string

// The kinds of notices about bindings. All but Lost go to the address that they are about.
const (
	Bound   Kind = "bind"   // a user is found by the address
	Rebound Kind = "rebind" // another one than before
	Unbound Kind = "unbind" // nobody is any more
	Lost    Kind = "lost"   // somebody else is: to an other address of who was
	Ending  Kind = "remind" // nobody will be, unless it is bound again
	Expired Kind = "expire" // nobody is, since it was not
)

// The kinds of notices about the keys that were published for an address, or a user id.
const (
	Published  Kind = "publish"   // the first ones
	Rotated    Kind = "rotate"    // others, by the old key
	Revoked    Kind = "revoke"    // none are any more
	Recovering Kind = "recover"   // others will be, without the old key, unless somebody objects
	Recovered  Kind = "recovered" // and are
	Objected   Kind = "object"    // or will not be
	Erased     Kind = "erase"     // none are any more, nor what they were
	Returning  Kind = "return"    // others will be where none are, unless somebody objects
	Returned   Kind = "returned"  // and are
)

// The kinds of notices about accounts at a homeserver that the address was shown to.
const (
	LoggedIn  Kind = "login"     // somebody logged in
	Logins    Kind = "logins"    // more often than is told one by one
	Password  Kind = "password"  // another password was set
	Passwords Kind = "passwords" // more often than is told one by one
	Added     Kind = "address_added"
	Removed   Kind = "address_removed"
	Addresses Kind = "addresses" // were added or removed more often than is told one by one
)

// Many is more of any kind than an address is told of one by one.
const Many Kind = "many"

// Kinds lists them all.
func Kinds() []Kind {
	return slices.Concat([]Kind{Bound, Rebound, Unbound, Lost, Ending, Expired, Many}, keyKinds, accountKinds)
}

var accountKinds = []Kind{LoggedIn, Logins, Password, Passwords, Added, Removed, Addresses}

var keyKinds = []Kind{Published, Rotated, Revoked, Recovering, Recovered, Objected, Erased, Returning, Returned}

// Waits tells whether notices of that kind are about keys to which somebody can object.
func (k Kind) Waits() bool { return k == Recovering || k == Returning }

// OfKeys tells whether notices of that kind are about keys.
func (k Kind) OfKeys() bool { return slices.Contains(keyKinds, k) }

// OfAccounts tells whether notices of that kind are about accounts.
func (k Kind) OfAccounts() bool { return slices.Contains(accountKinds, k) }

// OfPasswords tells whether notices of that kind are about the passwords of accounts.
func (k Kind) OfPasswords() bool { return k == Password || k == Passwords }

// OfAddresses tells whether notices of that kind are about the addresses of accounts.
func (k Kind) OfAddresses() bool { return k == Added || k == Removed || k == Addresses }

// OfOne tells whether notices of that kind are about one thing that has happened, of which there
// may be particulars.
func (k Kind) OfOne() bool { return !slices.Contains([]Kind{Logins, Passwords, Addresses, Many}, k) }

// Notice is what a notice tells.
type Notice struct {
	Language locale.Language
	Kind     Kind
	User     string // the Matrix id that is found by the address, or was
	Former   string // of Rebound, the Matrix id that was before
	About    string // of Lost, the address, so that only who knows it knows it again; of keys, whose they are
	Account  bool   // of keys, they are those of a user id
	Days     int    // of Ending, how many are left
	Until    string // of Recovering and Returning, when the keys have waited long enough
	Link     string // the owner's page; empty for none
	Login    Login  // of accounts

	Server string // the server's name, filled in by Words
}

// Login is what a notice tells of a login, of a new password or of an address that came or went.
type Login struct {
	Homeserver string
	// Own says that it is one of the operator's, which may be named in a text message.
	Own    bool
	When   string
	Device string // as whoever did it calls theirs; empty if they do not
	IP     string // where they were; empty if that is not known
}

//go:embed templates phrases
var builtIn embed.FS

// Words writes notices in the name of one server. It is safe for concurrent use.
type Words struct {
	server  string
	layouts wording.Layouts
	logins  wording.Layouts // of notices about accounts
}

// New reads the phrases and the layouts, what dir has of them before the built-in ones,
// and tries them: a broken one is an error now and not at the first notice. An empty dir
// replaces nothing.
func New(dir, server string) (*Words, error) {
	folder := wording.Folder{BuiltIn: builtIn, Domain: "notices", Own: dir}
	phrases, err := folder.Phrases()
	if err != nil {
		return nil, err
	}
	layouts, err := folder.Layouts("notice", phrases)
	logins, loginsErr := folder.Layouts("login", phrases)
	if err := errors.Join(err, loginsErr); err != nil {
		return nil, err
	}
	w := &Words{server, layouts, logins}
	return w, w.try()
}

// try writes a notice of each kind in each language.
func (w *Words) try() error {
	var errs []error
	for _, language := range locale.Languages() {
		for _, kind := range Kinds() {
			n := Notice{Language: language, Kind: kind, User: "@alice:example.org", Former: "@bob:example.org", About: "a...@e...",
				Days: 30, Until: "2026-01-02 15:04 UTC", Link: "https://example.org/_signet/owner",
				Login: Login{Homeserver: "example.org", When: "2026-01-02 15:04 UTC", Device: "Phone", IP: "192.0.2.1"}}
			_, _, _, err := w.Email(n)
			errs = append(errs, err)
			if kind != Lost {
				_, err := w.SMS(n)
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// Email writes an e-mail: a subject of one line, plain text and HTML.
func (w *Words) Email(n Notice) (subject, text, html string, err error) {
	n.Server = w.server
	n.User, n.Former, n.About = wording.Quote(n.User), wording.Quote(n.Former), wording.Quote(n.About)
	n.Login = n.Login.quoted()
	return w.of(n.Kind).Email(n.Language, n)
}

// of is the layouts of a kind.
func (w *Words) of(k Kind) wording.Layouts {
	if k.OfAccounts() {
		return w.logins
	}
	return w.layouts
}

// MaxDevice is how much is quoted of a device's name, in characters: whoever logs in chooses it.
const MaxDevice = 40

// quoted is a login without what would become a link, a line or a sentence.
func (l Login) quoted() Login {
	l.Homeserver, l.IP = wording.Quote(l.Homeserver), wording.Quote(l.IP)
	l.Device = wording.Quote(wording.Name(l.Device, MaxDevice))
	return l
}

// short is a notice as a text message tells it, without what strangers wrote.
type short struct {
	Notice
	Site    string // in whose name it speaks
	Brevity int    // 0 tells all, 1 leaves out in whose name
}

// SMS writes a text message, in the server's name, or that of the operator's homeserver that it
// is about, unless that costs another segment.
func (w *Words) SMS(n Notice) (string, error) {
	s := short{Notice: n, Site: w.server}
	if n.Login.Own {
		s.Site = n.Login.Homeserver
	}
	s.Server, s.User, s.Former, s.About, s.Login = w.server, "", "", "", Login{}
	longer, err := w.of(n.Kind).SMS(n.Language, s)
	if err != nil {
		return "", err
	}
	s.Brevity = 1
	shorter, err := w.of(n.Kind).SMS(n.Language, s)
	if wording.Segments(longer) > wording.Segments(shorter) {
		return shorter, err
	}
	return longer, err
}
