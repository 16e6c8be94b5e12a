package verify

import (
	"errors"
	"slices"

	"signet/internal/matrix"
)

// Purpose is what control of an address is shown for. A session is worth nothing for
// another one.
type Purpose string

// The purposes, as im.signet.purpose names them.
const (
	Verify   Purpose = "verify"   // that it is theirs, for whatever they do with it: the specification's only one
	Register Purpose = "register" // signing up at a homeserver
	// RegisterAndBind is Register with im.signet.bind: whoever shows control also agrees that
	// others find the account by the address.
	RegisterAndBind Purpose = "register_bind"
	Add             Purpose = "add"    // attaching it to an account
	Reset           Purpose = "reset"  // a new password
	Login           Purpose = "login"  // signing in
	Manage          Purpose = "manage" // seeing and erasing what is stored under it
)

// What can be wrong with a purpose.
var (
	// ErrPurpose is the error of a purpose that is none of these.
	ErrPurpose = errors.New("im.signet.purpose must be verify, register, add, reset, login or manage")
	// ErrPurposeRefused is the error of a caller who has no say in such a matter: an
	// account cannot sign others up.
	ErrPurposeRefused = errors.New("this caller cannot ask for that purpose")
	// ErrOtherPurpose is the error of a session that is used for what it was not opened
	// for.
	ErrOtherPurpose = errors.New("the session was opened for another purpose")
	// ErrExistingRefused is the error of a caller who tells that an address has an account, and
	// is no homeserver that could have one for it.
	ErrExistingRefused = errors.New("im.signet.existing is for homeservers, signed by themselves")
	// ErrExisting is the error of a homeserver that tells so where nobody signs up.
	ErrExisting = errors.New("im.signet.existing needs the im.signet.purpose register")
	// ErrBind is the error of who would have an account found by the address that nobody signs up.
	ErrBind = errors.New("im.signet.bind needs the im.signet.purpose register")
	// ErrOthersUser is the error of a caller who names an account that is not theirs to
	// speak for.
	ErrOthersUser = errors.New("im.signet.user_id must be the caller's own account or an account of the calling homeserver")
)

// ParsePurpose reads a purpose; none is Verify.
func ParsePurpose(text string) (Purpose, error) {
	switch p := Purpose(text); p {
	case "":
		return Verify, nil
	case Verify, Register, Add, Reset, Login, Manage:
		return p, nil
	}
	return "", ErrPurpose
}

// AndBind is a purpose with im.signet.bind, which only Register takes. Otherwise the error is
// ErrBind.
func (p Purpose) AndBind() (Purpose, error) {
	if p != Register {
		return "", ErrBind
	}
	return RegisterAndBind, nil
}

// Named is a purpose as im.signet.purpose names it, and whether im.signet.bind is with it.
func (p Purpose) Named() (name Purpose, bind bool) {
	if p == RegisterAndBind {
		return Register, true
	}
	return p, false
}

// registers tells whether somebody signs up.
func (p Purpose) registers() bool { return p == Register || p == RegisterAndBind }

// mayAsk says who may ask for what. Signing up, in and a new password are a
// homeserver's business; what is stored here is seen on our own pages alone.
func (c Caller) mayAsk(p Purpose) error {
	allowed := []Purpose{Verify, Register, RegisterAndBind, Add, Reset, Login}
	if _, ok := c.Account(); ok {
		allowed = []Purpose{Verify, Add}
	}
	if c == Page {
		allowed = []Purpose{Verify, Manage}
	}
	if !slices.Contains(allowed, p) {
		return ErrPurposeRefused
	}
	return nil
}

// mayTellOfAccount says that a homeserver alone may tell, and only of whom it would sign up.
func (r Request) mayTellOfAccount() error {
	if !r.Existing {
		return nil
	}
	if _, ok := r.Caller.isHomeserver(); !ok {
		return ErrExistingRefused
	}
	if !r.Purpose.registers() {
		return ErrExisting
	}
	return nil
}

// mayName says whose account a caller may name: an account itself, a homeserver its
// users. Nobody on a page names one.
func (c Caller) mayName(user matrix.UserID) error {
	if user == "" {
		return nil
	}
	own, ok := c.Account()
	if ok && user == own || !ok && c != Page && user.Server() == c.Homeserver() {
		return nil
	}
	return ErrOthersUser
}
