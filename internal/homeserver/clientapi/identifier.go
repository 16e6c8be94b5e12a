package clientapi

import (
	"cmp"
	"errors"

	"signet/internal/threepid"
)

// The kinds of identifiers (client-server API, "Identifier types").
const (
	identifierUser       = "m.id.user"
	identifierThirdParty = "m.id.thirdparty"
	identifierPhone      = "m.id.phone"
)

var errIdentifier = errors.New("the identifier type is not one that this server knows")

// identifier is who somebody says they are.
type identifier struct {
	Type    string `json:"type"`
	User    string `json:"user"`    // of m.id.user
	Medium  string `json:"medium"`  // of m.id.thirdparty
	Address string `json:"address"` // of m.id.thirdparty
	Country string `json:"country"` // of m.id.phone, as what follows
	Phone   string `json:"phone"`
	Number  string `json:"number"` // phone, as it was called before r0.4
}

// formerIdentifier is how clients of before r0.4 say it, beside the password.
type formerIdentifier struct {
	User    string `json:"user"`
	Medium  string `json:"medium"`
	Address string `json:"address"`
}

// identifier is the same in today's form.
func (f formerIdentifier) identifier() identifier {
	if f.Medium != "" {
		return identifier{Type: identifierThirdParty, Medium: f.Medium, Address: f.Address}
	}
	return identifier{Type: identifierUser, User: f.User}
}

// who is the name, or else the address. Errors are errIdentifier and those of threepid.
func (i identifier) who() (name string, address threepid.Address, err error) {
	switch i.Type {
	case identifierUser:
		return i.User, address, nil
	case identifierThirdParty:
		address, err = threepid.Parse(i.Medium, i.Address)
	case identifierPhone:
		address, err = threepid.ParsePhone(cmp.Or(i.Phone, i.Number), i.Country)
	default:
		err = errIdentifier
	}
	return "", address, err
}
