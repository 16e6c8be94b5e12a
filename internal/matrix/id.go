package matrix

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ServerName is the name of a Matrix server: a DNS name, an IPv4 address or a
// bracketed IPv6 address, with an optional port (specification, appendices,
// "Server name"). A value made by ParseServerName is valid.
type ServerName string

// ErrServerName is the error of a server name that does not keep the grammar.
var ErrServerName = errors.New("not a valid server name")

// maxServerName is the longest name the specification recommends, which is also
// the longest that still leaves room for a user id of 255 octets.
const maxServerName = 230

var dnsName = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?(\.[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?)*$`)

// ParseServerName reads a server name and folds the letters of its host to lower
// case, as hosts are compared. Parsing what String gives back gives the same name.
func ParseServerName(s string) (ServerName, error) {
	if s == "" || len(s) > maxServerName {
		return "", ErrServerName
	}
	name := ServerName(strings.ToLower(s))
	host, port := name.split()
	if !validHost(host) || !validPort(port) {
		return "", ErrServerName
	}
	return name, nil
}

// String is the name as it stands on the wire.
func (n ServerName) String() string { return string(n) }

// Host is the name without its port; an IPv6 address loses its brackets.
func (n ServerName) Host() string {
	host, _ := n.split()
	return strings.Trim(host, "[]")
}

// Port is the explicit port, or 0 when the name has none.
func (n ServerName) Port() int {
	_, port := n.split()
	p, _ := strconv.Atoi(strings.TrimPrefix(port, ":"))
	return p
}

// IP is the address that the name is, if it is an IP literal.
func (n ServerName) IP() (netip.Addr, bool) {
	addr, err := netip.ParseAddr(n.Host())
	return addr, err == nil
}

// WithoutPort is what the names of one host have in common: the host alone, an IP
// address in its one canonical form. Server ACLs compare so (client-server API,
// m.room.server_acl): whoever holds a host can open any of its ports.
func (n ServerName) WithoutPort() ServerName {
	addr, literal := n.IP()
	switch addr = addr.Unmap(); {
	case literal && addr.Is4():
		return ServerName(addr.String())
	case literal:
		return ServerName("[" + addr.String() + "]")
	}
	return ServerName(n.Host())
}

// split cuts the name before its port; port keeps its colon and is empty when the
// name has none.
func (n ServerName) split() (host, port string) {
	s := string(n)
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 || strings.HasSuffix(s, "]") {
		return s, ""
	}
	return s[:colon], s[colon:]
}

func validHost(host string) bool {
	if v6, ok := strings.CutPrefix(host, "["); ok {
		addr, err := netip.ParseAddr(strings.TrimSuffix(v6, "]"))
		return err == nil && strings.HasSuffix(v6, "]") && addr.Is6() && addr.Zone() == ""
	}
	return dnsName.MatchString(host)
}

func validPort(port string) bool {
	if port == "" {
		return true
	}
	digits := port[1:]
	p, err := strconv.ParseUint(digits, 10, 16)
	return err == nil && p > 0 && digits == strconv.FormatUint(p, 10)
}

// UserID is a Matrix user id, @localpart:server. A value made by ParseUserID or
// NewUserID is valid.
type UserID string

// ErrUserID is the error of a user id that does not keep the grammar.
var ErrUserID = errors.New("not a valid user id")

const maxUserID = 255

var localpart = regexp.MustCompile(`^[0-9a-z_=./+-]+$`)

// ParseUserID reads the user id of any server, historical ones included
// (specification, appendices, "Historical User IDs"): older accounts hold
// letters that new ones may not.
func ParseUserID(s string) (UserID, error) {
	local, server, found := strings.Cut(strings.TrimPrefix(s, "@"), ":")
	if !found || s[0] != '@' || local == "" || len(s) > maxUserID || !printable(local) {
		return "", ErrUserID
	}
	name, err := ParseServerName(server)
	if err != nil || string(name) != server {
		return "", ErrUserID
	}
	return UserID(s), nil
}

// NewUserID builds the id of a new account. Its localpart keeps today's grammar,
// a-z 0-9 . _ = / + and -.
func NewUserID(local string, server ServerName) (UserID, error) {
	id := fmt.Sprintf("@%s:%s", local, server)
	if !localpart.MatchString(local) || len(id) > maxUserID {
		return "", ErrUserID
	}
	return UserID(id), nil
}

// String is the id as it stands on the wire.
func (u UserID) String() string { return string(u) }

// Readable is the id as messages quote it: only if it keeps today's grammar. Older ones
// may hold any text, and a stranger's homeserver could make it a sentence.
func (u UserID) Readable() string {
	if u == "" {
		return ""
	}
	if _, err := NewUserID(u.Localpart(), u.Server()); err != nil {
		return "@…:" + u.Server().String()
	}
	return u.String()
}

// Localpart is the part between @ and the first colon.
func (u UserID) Localpart() string {
	local, _, _ := strings.Cut(strings.TrimPrefix(string(u), "@"), ":")
	return local
}

// Server is the server that the account lives on.
func (u UserID) Server() ServerName {
	_, server, _ := strings.Cut(string(u), ":")
	return ServerName(server)
}

func printable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == utf8.RuneError })
}

var opaque = regexp.MustCompile(`^[0-9A-Za-z.=_-]{1,255}$`)

// ValidOpaque tells whether s keeps the grammar shared by client secrets and
// session ids: 1 to 255 characters of 0-9 A-Z a-z . = _ -.
func ValidOpaque(s string) bool { return opaque.MatchString(s) }

// maxID is how many octets an id may have (specification, appendices, "Common Identifier
// Format").
const maxID = 255

// ValidID tells whether s can be an id that clients choose, such as that of a device or a
// transaction: text that every database takes, not empty, and not longer than any id.
func ValidID(s string) bool {
	return s != "" && len(s) <= maxID && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
