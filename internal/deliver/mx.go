package deliver

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// MXResolver asks DNS; *net.Resolver is one.
type MXResolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupHost(ctx context.Context, name string) ([]string, error)
}

// ErrLookup is the error of a question that DNS did not answer. Its text does not
// hold the domain, which is part of an address.
var ErrLookup = errors.New("mail domain could not be looked up")

// CanReceive tells whether a domain, in ASCII, can receive mail: it has mail
// exchangers (and not the null one of RFC 7505), or else an address (RFC 5321,
// section 5.1). On ErrLookup nothing is known, and the answer should count as yes.
func CanReceive(ctx context.Context, r MXResolver, domain string) (bool, error) {
	name := domain + "." // absolute, so that no search list is tried
	exchangers, err := r.LookupMX(ctx, name)
	if len(exchangers) > 0 {
		// A resolver may give what was usable next to an error about what was not.
		return !nullMX(exchangers), nil
	}
	if err != nil && !notFound(err) {
		return false, lookupError(err)
	}
	hosts, err := r.LookupHost(ctx, name)
	if err != nil && !notFound(err) {
		return false, lookupError(err)
	}
	return len(hosts) > 0, nil
}

// nullMX tells whether a domain says that it takes no mail: its one exchanger is
// the root (RFC 7505, section 3).
func nullMX(exchangers []*net.MX) bool {
	return len(exchangers) == 1 && (exchangers[0].Host == "." || exchangers[0].Host == "")
}

// notFound is true of a name that does not exist and of one without such records.
func notFound(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

// lookupError keeps the reason of a failed lookup and drops the name that
// net.DNSError prints with it.
func lookupError(err error) error {
	var e *net.DNSError
	if errors.As(err, &e) {
		return fmt.Errorf("%w: %s", ErrLookup, e.Err)
	}
	return ErrLookup
}
