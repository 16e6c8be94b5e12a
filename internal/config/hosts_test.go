package config

import (
	"slices"
	"testing"
)

func TestHosts(t *testing.T) {
	c := valid().Common
	if got := c.Hosts(); got != nil {
		t.Errorf("Hosts() outside development = %q, want nil", got)
	}
	c.Development, c.Listen, c.PublicURL = true, "127.0.0.2:8090", "http://localhost:8090"
	got := c.Hosts()
	for _, own := range []string{"id.example.org", "127.0.0.2:8090", "127.0.0.1:8090", "localhost:8090", "[::1]:8090"} {
		if !slices.Contains(got, own) {
			t.Errorf("Hosts() = %q, want in it %q", got, own)
		}
	}
	for _, foreign := range []string{"", "evil.example", "evil.example:8090", "localhost", "localhost:8091"} {
		if slices.Contains(got, foreign) {
			t.Errorf("Hosts() = %q, want no %q in it", got, foreign)
		}
	}
}
