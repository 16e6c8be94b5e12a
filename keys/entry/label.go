package entry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"unique"

	"signet/internal/matrix"
	"signet/internal/threepid"
)

// Medium is the kind of a label.
type Medium string

// The media of labels: those of third-party identifiers, and Matrix user ids. A Binding is
// who is behind an address, whose keys have versions of their own.
const (
	Email   Medium = "email"
	MSISDN  Medium = "msisdn"
	MXID    Medium = "mxid"
	Binding Medium = "binding"
)

// MaxLabel is the length of the longest label in octets, since the VRF input has one
// octet for it. A longer address can be proven and bound, but has no place in the
// directory.
const MaxLabel = 255

// ErrLabel is the error of what is not a label. It wraps the reason, if the address
// is wrong in itself.
var ErrLabel = errors.New("not a label of the directory")

// Label is what people's keys are found by, comparable with == and usable as a map
// key. The zero value is no label. It prints as a placeholder unless its text is asked
// for by name, as a threepid.Address does.
type Label struct{ text unique.Handle[string] }

// NewLabel makes the label of an address as people and clients write it: an e-mail
// address or the digits of a phone number as threepid.Parse takes them, or a user id. The
// address of a Binding begins with its medium, such as email:alice@example.org.
func NewLabel(medium Medium, address string) (Label, error) {
	switch medium {
	case MXID:
		return UserLabel(matrix.UserID(address))
	case Binding:
		of, address, _ := strings.Cut(address, ":")
		if !bindable(Medium(of)) {
			return Label{}, errUnbindable
		}
		l, err := NewLabel(Medium(of), address)
		if err != nil {
			return Label{}, err
		}
		return newLabel(Binding, l.String())
	}
	a, err := threepid.Parse(string(medium), address)
	if err != nil {
		return Label{}, fmt.Errorf("%w: %w", ErrLabel, err)
	}
	return AddressLabel(a)
}

// AddressLabel is the label of an e-mail address or phone number. The error is of an
// address that is too long.
func AddressLabel(a threepid.Address) (Label, error) {
	if a.IsZero() {
		return Label{}, ErrLabel
	}
	return newLabel(Medium(a.Medium()), a.String())
}

// BindingLabel is the label of who is behind an e-mail address or phone number. The error
// is of an address that is too long.
func BindingLabel(a threepid.Address) (Label, error) {
	if a.IsZero() {
		return Label{}, ErrLabel
	}
	return newLabel(Binding, string(a.Medium())+":"+a.String())
}

// bindable are the media of addresses that users are bound to.
func bindable(m Medium) bool { return m == Email || m == MSISDN }

var errUnbindable = fmt.Errorf("%w: nobody is bound to it", ErrLabel)

// asciiUserID is a user id of today's grammar or the older one, which has all
// printable ASCII (specification, appendices, "Historical User IDs").
var asciiUserID = regexp.MustCompile(`^@[!-9;-~]+:[!-~]+$`)

// UserLabel is the label of a Matrix user id. Nobody may fold its case, and servers
// that let any Unicode into localparts do not fold alike, so that user ids beyond
// ASCII could be mistaken for each other: they have no label.
func UserLabel(id matrix.UserID) (Label, error) {
	if _, err := matrix.ParseUserID(string(id)); err != nil {
		return Label{}, fmt.Errorf("%w: %w", ErrLabel, err)
	}
	if !asciiUserID.MatchString(string(id)) {
		return Label{}, fmt.Errorf("%w: user id is not ASCII", ErrLabel)
	}
	return newLabel(MXID, id.String())
}

func newLabel(medium Medium, canonical string) (Label, error) {
	text := string(medium) + ":" + canonical
	if len(text) > MaxLabel {
		return Label{}, fmt.Errorf("%w: it is longer than %d octets", ErrLabel, MaxLabel)
	}
	return Label{unique.Make(text)}, nil
}

// msisdn is the form of a phone number (ITU-T E.164, section 6.2.1).
var msisdn = regexp.MustCompile(`^[1-9][0-9]{1,14}$`)

// ParseLabel reads what String gives back, and nothing that would be written
// differently. Whether a phone number is in use is not asked: plans of numbers change,
// and what stands in a log must be readable for ever.
func ParseLabel(s string) (Label, error) {
	medium, address, _ := strings.Cut(s, ":")
	if Medium(medium) == MSISDN && msisdn.MatchString(address) {
		return newLabel(MSISDN, address)
	}
	if Medium(medium) == Binding {
		return parseBinding(address)
	}
	l, err := NewLabel(Medium(medium), address)
	if err != nil {
		return Label{}, err
	}
	if l.String() != s {
		return Label{}, fmt.Errorf("%w: it is not in canonical form", ErrLabel)
	}
	return l, nil
}

func parseBinding(of string) (Label, error) {
	if medium, _, _ := strings.Cut(of, ":"); !bindable(Medium(medium)) {
		return Label{}, errUnbindable
	}
	l, err := ParseLabel(of)
	if err != nil {
		return Label{}, err
	}
	return newLabel(Binding, l.String())
}

// String is the label in full, such as email:alice@example.org. It has to be called
// by name; fmt prints what LogValue says.
func (l Label) String() string {
	if l.IsZero() {
		return ""
	}
	return l.text.Value()
}

// IsZero tells whether l is no label at all.
func (l Label) IsZero() bool { return l == Label{} }

// Medium is the kind of label, empty for no label.
func (l Label) Medium() Medium {
	medium, _, _ := strings.Cut(l.String(), ":")
	return Medium(medium)
}

// Address is the label without its medium: a canonical address or a user id.
func (l Label) Address() string {
	_, address, _ := strings.Cut(l.String(), ":")
	return address
}

// ThirdParty is the address that a label of Email, MSISDN or Binding is about.
func (l Label) ThirdParty() (a threepid.Address, is bool) {
	medium, address := l.Medium(), l.Address()
	if medium == Binding {
		of, rest, _ := strings.Cut(address, ":")
		medium, address = Medium(of), rest
	}
	if !bindable(medium) {
		return threepid.Address{}, false
	}
	a, err := threepid.Restore(string(medium), address)
	return a, err == nil
}

// LogValue is the medium in brackets, so that no log line holds an address.
func (l Label) LogValue() slog.Value { return slog.StringValue(l.placeholder()) }

// Format prints what LogValue says, for every verb.
func (l Label) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, l.placeholder()) }

func (l Label) placeholder() string {
	if l.IsZero() {
		return "[no label]"
	}
	return "[" + string(l.Medium()) + "]"
}
