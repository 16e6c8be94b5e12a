package idclient_test

import (
	"errors"
	"testing"

	"signet/internal/idclient"
)

func TestTrusted(t *testing.T) {
	trusted, err := idclient.ParseTrusted("http://localhost:8090", []string{"id.test", "other.test:8443"})
	if err != nil {
		t.Fatal(err)
	}
	if own, ok := trusted.Default(); !ok || own.URL.String() != "http://localhost:8090" || own.Name != "localhost:8090" {
		t.Errorf("the server's own choice is %v", own)
	}
	for _, test := range []struct {
		name, url string
		err       error
	}{
		{name: "localhost:8090", url: "http://localhost:8090"},
		{name: "id.test", url: "https://id.test"},
		{name: "other.test:8443", url: "https://other.test:8443"},
		{name: "other.test", err: idclient.ErrNotTrusted},
		{name: "localhost", err: idclient.ErrNotTrusted},
		{name: "10.0.0.1", err: idclient.ErrNotTrusted},
		{name: "", err: idclient.ErrIDServer},
		{name: "https://id.test", err: idclient.ErrIDServer},
		{name: "id.test/path", err: idclient.ErrIDServer},
		{name: "user@id.test", err: idclient.ErrIDServer},
	} {
		s, err := trusted.Named(test.name)
		if !errors.Is(err, test.err) || (err == nil && s.URL.String() != test.url) {
			t.Errorf("%q: %v, %v", test.name, s, err)
		}
	}
	none, err := idclient.ParseTrusted("", nil)
	if _, ok := none.Default(); ok || err != nil {
		t.Errorf("without any there is one, %v", err)
	}
	for _, bad := range []string{"id.test", "https://", "https://a b", "::"} {
		if _, err := idclient.ParseTrusted(bad, nil); !errors.Is(err, idclient.ErrIDServer) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
