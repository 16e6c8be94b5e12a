package fedclient

import (
	"errors"
	"net/netip"
	"testing"

	"signet/internal/matrix"
)

// Both ends of every network that is not entered, and every way to hide one.
var forbidden = []string{
	"0.0.0.0", "0.255.255.255",
	"10.0.0.0", "10.255.255.255",
	"100.64.0.0", "100.127.255.255",
	"127.0.0.0", "127.0.0.1", "127.255.255.255",
	"169.254.0.0", "169.254.169.254", "169.254.255.255",
	"172.16.0.0", "172.31.255.255",
	"192.0.0.0", "192.0.0.255",
	"192.0.2.0", "192.0.2.255",
	"192.88.99.0", "192.88.99.255",
	"192.168.0.0", "192.168.255.255",
	"198.18.0.0", "198.19.255.255",
	"198.51.100.0", "198.51.100.255",
	"203.0.113.0", "203.0.113.255",
	"224.0.0.0", "239.255.255.255",
	"240.0.0.0", "255.255.255.254", "255.255.255.255",
	"::", "::1", "100::1", "5f00::1",
	"fc00::", "fd12:3456::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	"fe80::1", "febf::1", "fec0::1", "feff::1", "ff02::1", "ffff::1",
	"2001:db8::1", "2001:db8:ffff::1", "3fff::1", "2001:2::1", "2001:20::1",
	"::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0", "::ffff:100.64.0.1", // mapped
	"::10.0.0.1", "::127.0.0.1", "::8.8.8.8", // compatible
	"2002:a00:1::", "2002:7f00:1::1", "2002:808:808::", // 6to4
	"2001:0:808:808::f5ff:fffe", "2001::1", // Teredo
	"64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", // NAT64
	"64:ff9b:1::10.0.0.1", "64:ff9b:1::8.8.8.8", // local NAT64
	"fe80::1%eth0", "2606:4700::1%eth0", "::ffff:8.8.8.8%1", // zones
}

// The public neighbours of those networks.
var permitted = []string{
	"1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
	"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0",
	"192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
	"198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
	"2000::1", "2001:200::1", "2001:db7::1", "2001:db9::1", "2003::1", "2606:4700::1111", "3ffe::1",
	"::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
}

// address reads what netip.ParseAddr reads, and zones on mapped addresses too.
func address(t *testing.T, text string) netip.Addr {
	t.Helper()
	if text == "::ffff:8.8.8.8%1" {
		return netip.MustParseAddr("::ffff:8.8.8.8").WithZone("1")
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func TestFilterByDefault(t *testing.T) {
	for want, texts := range map[bool][]string{false: forbidden, true: permitted} {
		for _, text := range texts {
			if got := (filter{}).permits(address(t, text)); got != want {
				t.Errorf("permits(%s) = %v, want %v", text, got, want)
			}
		}
	}
	if (filter{}).permits(netip.Addr{}) {
		t.Error("permits(no address) = true, want false")
	}
}

func TestAllowNetworksOpensWhatItNames(t *testing.T) {
	tests := []struct {
		allowed string
		addr    string
		want    bool
	}{
		{"127.0.0.0/8", "127.0.0.1", true},
		{"127.0.0.0/8", "::ffff:127.0.0.1", true}, // the same address, written otherwise
		{"127.0.0.0/8", "::1", false},
		{"127.0.0.0/8", "10.0.0.1", false},
		{"::1/128", "::1", true}, // not an IPv4 address in disguise
		{"::1/128", "127.0.0.1", false},
		{"::/96", "::10.0.0.1", false},
		{"10.1.0.0/16", "10.1.255.255", true},
		{"10.1.0.0/16", "10.2.0.0", false},
		{"10.1.0.0/16", "10.0.255.255", false},
		{"10.0.0.0/8", "64:ff9b::10.0.0.1", true},
		{"10.0.0.0/8", "2002:a00:1::", false},
		{"10.0.0.0/8", "::10.0.0.1", false},
		{"2002::/16", "2002:a00:1::", false},
		{"2002::/16", "2002:808:808::", true},
		{"2001::/32", "2001:0:808:808::f5ff:fffe", false}, // 10.0.0.1 behind Teredo
		{"2001::/32", "2001:0:808:808::f7f7:f7f7", true},
		{"64:ff9b:1::/48", "64:ff9b:1::127.0.0.1", false},
		{"64:ff9b:1::/48", "64:ff9b:1::8.8.8.8", true},
		{"fd00::/8", "fd00::1", true},
		{"fd00::/8", "fc00::1", false},
		{"0.0.0.0/0", "10.0.0.1", true},
		{"0.0.0.0/0", "fd00::1", false},
		{"fe80::/10", "fe80::1", true},
		{"fe80::/10", "fe80::1%eth0", false},
	}
	for _, tt := range tests {
		f := filter{allowed: []netip.Prefix{netip.MustParsePrefix(tt.allowed)}}
		if got := f.permits(address(t, tt.addr)); got != tt.want {
			t.Errorf("allowing %s: permits(%s) = %v, want %v", tt.allowed, tt.addr, got, tt.want)
		}
	}
}

// However a forbidden address comes in, as the name itself, from DNS, from an SRV
// record or from a well-known file, it is not dialled.
func TestForbiddenAddressesAreNotDialled(t *testing.T) {
	for _, text := range forbidden {
		addr := address(t, text)
		w := newWorld(t)
		w.dns.hosts["lair.example"] = [][]netip.Addr{{addr}}
		w.refused(w.client(), "lair.example:8448", ErrForbiddenAddress)
		w.refused(w.client(), "lair.example", ErrForbiddenAddress)
		if addr.Zone() == "" {
			literal := addr.String()
			if addr.Is6() {
				literal = "[" + literal + "]"
			}
			w.refused(w.client(), matrix.ServerName(literal), ErrForbiddenAddress)
			w.refused(w.client(), matrix.ServerName(literal+":443"), ErrForbiddenAddress)
		}
		if dials := w.dials(); len(dials) != 0 {
			t.Errorf("%s: dialled %q, want nothing", text, dials)
		}
	}
}

// The dialer is a gate of its own, behind everything that chose the address.
func TestDialerRefusesWhateverLedToIt(t *testing.T) {
	w := newWorld(t)
	d := dialer{dial: w.opts.Dial, now: w.now}
	for _, text := range []string{"127.0.0.1", "10.0.0.1", "::1", "fd00::1"} {
		e := endpoint{addr: netip.AddrPortFrom(netip.MustParseAddr(text), 8448), certificate: "a.example"}
		if _, err := d.dialTLS(t.Context(), "tcp", e.key()); !errors.Is(err, ErrForbiddenAddress) {
			t.Errorf("dialTLS(%s) = %v, want %v", text, err, ErrForbiddenAddress)
		}
	}
	for _, key := range []string{"", "evil.example:443", "7f000001:443", ":443", "00:99999"} {
		if _, err := d.dialTLS(t.Context(), "tcp", key); !errors.Is(err, ErrUnreachable) {
			t.Errorf("dialTLS(%q) = %v, want %v", key, err, ErrUnreachable)
		}
	}
	w.wantDials()
}

func TestEndpointKeyReadsBack(t *testing.T) {
	for _, addr := range []string{"1.2.3.4:8448", "[2606:4700::1]:1", "1.2.3.4:65535"} {
		for _, name := range []string{"a.example", "1.2.3.4", "2606:4700::1"} {
			want := endpoint{addr: netip.MustParseAddrPort(addr), certificate: name}
			if got, err := parseEndpoint(want.key()); err != nil || got != want {
				t.Errorf("parseEndpoint(%q) = %v, %v, want %v", want.key(), got, err, want)
			}
		}
	}
}

// A private address in an answer is passed over, not dialled and not a reason to
// refuse the public one beside it.
func TestMixedAnswers(t *testing.T) {
	w := newWorld(t)
	w.dns.host("mixed.example", []string{"10.0.0.1", "::1", "1.2.3.4", "fd00::1"})
	w.serve("1.2.3.4:8448", say("public"), "mixed.example")
	w.get(w.client(), "mixed.example:8448", "public mixed.example:8448")
	w.wantDials("1.2.3.4:8448")
}

// An answer without addresses is a dead server, not a forbidden one.
func TestEmptyAnswer(t *testing.T) {
	w := newWorld(t)
	w.dns.host("empty.example", []string{})
	_, err := w.client().Do(t.Context(), ping("empty.example:8448"))
	if !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrForbiddenAddress) {
		t.Errorf("Do = %v, want %v", err, ErrUnreachable)
	}
}

// A resolver may write IPv4 addresses as mapped ones; they are dialled as IPv4.
func TestMappedAnswer(t *testing.T) {
	w := newWorld(t)
	w.dns.host("mapped.example", []string{"::ffff:1.2.3.4", "::ffff:10.0.0.1"})
	w.serve("1.2.3.4:8448", say("public"), "mapped.example")
	w.get(w.client(), "mapped.example:8448", "public mapped.example:8448")
	w.wantDials("1.2.3.4:8448")
}

// DNS that changes its mind after the check: what was checked is what is dialled,
// and a connection made before is not used for an answer that is refused now.
func TestRebinding(t *testing.T) {
	w := newWorld(t)
	w.dns.host("turncoat.example", []string{"1.2.3.4"}, []string{"127.0.0.1"})
	w.serve("1.2.3.4:8448", say("public"), "turncoat.example")
	c := w.client()
	w.get(c, "turncoat.example:8448", "public turncoat.example:8448")
	w.wantDials("1.2.3.4:8448")
	w.refused(c, "turncoat.example:8448", ErrForbiddenAddress)
	w.wantDials()
	if asked := w.dns.asked; len(asked) != 2 {
		t.Errorf("DNS was asked for %q, want one question a request", asked)
	}
}

func TestAllowedPrivateFederation(t *testing.T) {
	w := newWorld(t)
	w.opts.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	w.dns.host("inside.example", []string{"10.1.2.3"})
	w.dns.host("beside.example", []string{"10.2.0.1"})
	w.serve("10.1.2.3:8448", say("inside"), "inside.example")
	w.serve("10.2.0.1:8448", say("beside"), "beside.example")
	c := w.client()
	w.get(c, "inside.example:8448", "inside inside.example:8448")
	w.refused(c, "beside.example:8448", ErrForbiddenAddress)
	w.wantDials("10.1.2.3:8448")
}
