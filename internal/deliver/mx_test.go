package deliver

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
)

var (
	errNoSuchName = &net.DNSError{Err: "no such host", Name: "hidden.example.", IsNotFound: true}
	errServFail   = &net.DNSError{Err: "server misbehaving", Name: "hidden.example.", IsTemporary: true}
	errTimeout    = &net.DNSError{Err: "i/o timeout", Name: "hidden.example.", IsTimeout: true}
)

// fakeDNS answers for one name and fails the test when asked for another.
type fakeDNS struct {
	t              *testing.T
	exchangers     []*net.MX
	hosts          []string
	mxErr, hostErr error
	askedHost      bool
}

func (f *fakeDNS) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	f.check(name)
	return f.exchangers, f.mxErr
}

func (f *fakeDNS) LookupHost(_ context.Context, name string) ([]string, error) {
	f.check(name)
	f.askedHost = true
	return f.hosts, f.hostErr
}

func (f *fakeDNS) check(name string) {
	if name != "hidden.example." {
		f.t.Errorf("asked for %q, want the absolute name hidden.example.", name)
	}
}

func TestCanReceive(t *testing.T) {
	mx := func(hosts ...string) (all []*net.MX) {
		for _, host := range hosts {
			all = append(all, &net.MX{Host: host})
		}
		return all
	}
	tests := []struct {
		name      string
		dns       fakeDNS
		want      bool
		err       error
		askedHost bool
	}{
		{"exchanger", fakeDNS{exchangers: mx("mail.hidden.example.")}, true, nil, false},
		{"two exchangers", fakeDNS{exchangers: mx("a.example.", "b.example.")}, true, nil, false},
		{"one of them unusable", fakeDNS{exchangers: mx("a.example."), mxErr: errServFail}, true, nil, false},
		{"null MX", fakeDNS{exchangers: mx("."), hosts: []string{"192.0.2.1"}}, false, nil, false},
		{"null MX, bare", fakeDNS{exchangers: mx("")}, false, nil, false},
		{"address only", fakeDNS{mxErr: errNoSuchName, hosts: []string{"192.0.2.1"}}, true, nil, true},
		{"empty answer, then address", fakeDNS{hosts: []string{"2001:db8::1"}}, true, nil, true},
		{"no such domain", fakeDNS{mxErr: errNoSuchName, hostErr: errNoSuchName}, false, nil, true},
		{"MX unanswered", fakeDNS{mxErr: errServFail}, false, ErrLookup, false},
		{"MX in time out", fakeDNS{mxErr: errTimeout}, false, ErrLookup, false},
		{"address unanswered", fakeDNS{mxErr: errNoSuchName, hostErr: errServFail}, false, ErrLookup, true},
		{"no DNS at all", fakeDNS{mxErr: errors.New("dialling hidden.example")}, false, ErrLookup, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.dns.t = t
			got, err := CanReceive(context.Background(), &test.dns, "hidden.example")
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("CanReceive = %v, %v, want %v, %v", got, err, test.want, test.err)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("error %q holds the domain", err)
			}
			if test.dns.askedHost != test.askedHost {
				t.Errorf("asked for an address: %v, want %v", test.dns.askedHost, test.askedHost)
			}
		})
	}
}
