package clientapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"signet/internal/homeserver/sso"
	"signet/internal/idclient/idclienttest"
)

// What a request says of where this server is stands on no page, and leads nobody elsewhere:
// a proxy that is set up badly passes such headers through.
func TestAPageIsNotOfTheHostThatIsAskedFor(t *testing.T) {
	byCode(t, func(w *world) {
		lies := map[string]string{"X-Forwarded-Host": "evil.test", "X-Forwarded-Server": "evil.test", "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "//evil.test",
			"Forwarded": "host=evil.test;proto=http", "X-Original-URL": "//evil.test/", "X-Rewrite-URL": "//evil.test/", "Referer": "https://evil.test/"}
		ask := func(b *browser, method, path, body string) answer {
			req, err := http.NewRequestWithContext(w.Context(), method, w.server.URL+path, strings.NewReader(body))
			if err != nil {
				w.Fatal(err)
			}
			for _, line := range append(b.headers(), formType) {
				name, value, _ := strings.Cut(line, ": ")
				req.Header.Set(name, value)
			}
			for name, value := range lies {
				req.Header.Set(name, value)
			}
			req.Host = "evil.test"
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				w.Fatal(err)
			}
			a := read(w.T, res)
			if all := fmt.Sprint(a.header, a.text); strings.Contains(all, "evil.test") {
				w.Errorf("%s %s answers %s", method, path, all)
			}
			return b.read(a)
		}
		b := w.browser()
		w.page("the first page", ask(b, "GET", v3+"/login/sso/redirect?redirectUrl=https%3A%2F%2Fapp.test%2F", ""), 200)
		for _, fields := range []string{"address=alice%40example.org", "code=" + idclienttest.Code} {
			w.page(fields, ask(b, "POST", "/_signet/v1/login", "state="+b.state+"&"+fields), 200)
		}
		w.tokenOf(ask(b, "POST", "/_signet/v1/login", "state="+b.state+"&agreed=1"), "https://app.test/?")
	})
}

// However an address is dressed up, the token goes to none that a person did not agree to: what
// is asked about is what the browser goes to.
func TestAddressesInDisguise(t *testing.T) {
	byCode(t, func(w *world) {
		for text, site := range map[string]string{ // empty: no login begins
			"https://trusted.test@evil.test/":                    "",
			"https://trusted.test:443@evil.test/":                "",
			"https://@evil.test/":                                "",
			`https://trusted.test\@evil.test/`:                   "",
			`https://evil.test\.trusted.test/`:                   "",
			`\\evil.test/`:                                       "",
			"https://trusted.test%40evil.test/":                  "",
			"https://trusted.test%2eevil.test/":                  "",
			"https://trusted.test%00.evil.test/":                 "",
			"https://trusted.test\u2024evil.test/":               "", // one dot leader
			"https://trusted.test\uff0fevil.test/":               "", // full-width solidus
			"https://tru\u200bsted.test/":                        "", // zero-width space
			"https://trusted.test\u202e/":                        "", // right-to-left override
			"https://xn--trusted-123.test/":                      "https://xn--trusted-123.test",
			"https://trusted.test./":                             "",
			"https://trusted.test.evil.test/":                    "https://trusted.test.evil.test",
			"https://evil.test/https://trusted.test/":            "https://evil.test",
			"https://evil.test/?x=https://trusted.test/":         "https://evil.test",
			"https://evil.test#https://trusted.test/":            "https://evil.test",
			"https://evil.test/%2540trusted.test":                "https://evil.test",
			"https://app.test/%0d%0aLocation:%20https:/evil":     "https://app.test",
			"https:evil.test":                                    "",
			"https:///evil.test":                                 "",
			"//trusted.test/":                                    "",
			"javascript:alert(1)//https://trusted.test/":         "",
			"javascript%3Aalert(1)":                              "",
			"java\tscript:alert(1)":                              "",
			" javascript:alert(1)":                               "",
			"JaVaScRiPt:alert(1)":                                "",
			"feed:javascript:alert(1)":                           "",
			"view-source:https://trusted.test/":                  "",
			"blob:https://trusted.test/x":                        "",
			"x.y:javascript:alert(1)":                            "x.y:", // an app's, to make of it what it will
			"http://localhost@evil.test/":                        "",
			"http://127.0.0.1.evil.test/":                        "",
			"http://2130706433/":                                 "",
			"http://0177.0.0.1/":                                 "",
			"http://127.1/":                                      "",
			"http://0.0.0.0/":                                    "",
			"http://[::ffff:10.0.0.1]/":                          "",
			"http://[::1]:8080/":                                 "http://[::1]:8080",
			"https%3A%2F%2Ftrusted.test%2F":                      "",
			"https%253A%252F%252Ftrusted.test%252F":              "",
			"https://app.test/\r\nSet-Cookie: signet_login=evil": "",
		} {
			b := w.browser()
			a := b.begin(text)
			if site == "" {
				if w.page(text, a, 400); b.state != "" {
					w.Errorf("%q begins a login", text)
				}
				continue
			}
			if said := w.page(text, a, 200); !strings.Contains(said, site) {
				w.Errorf("%q: the page does not name %s: %s", text, site, said)
			}
			w.page("the address", b.send("address=alice%40example.org"), 200)
			if said := w.page("the consent for "+text, b.send("code="+idclienttest.Code), 200); !strings.Contains(said, site) {
				w.Errorf("%q: it is not asked about %s: %s", text, site, said)
			}
			a = b.follow("agreed=1")
			to, err := url.Parse(a.header.Get("Location"))
			if a.status != http.StatusSeeOther || err != nil || to.Scheme+"://"+to.Host != site && to.Scheme+":" != site || len(a.header.Values("Location")) != 1 {
				w.Errorf("%q leads to %d %q", text, a.status, a.header.Values("Location"))
			}
			if once := to.Query()["loginToken"]; len(once) != 1 && to.RawQuery != "" {
				w.Errorf("%q leads to %q", text, a.header.Get("Location"))
			}
		}
	})
}

// Whoever begins logins fills nothing: what a login is stands in its page. What is kept, one row
// for each message, is bounded as they are, and goes after a day.
func TestTenThousandLogins(t *testing.T) {
	byCode(t, func(w *world) {
		before, heap := w.dump(), heapNow()
		for range 10_000 {
			login, err := w.api.Logins.Begin(sso.Browser(), "https://app.test/")
			if err != nil || login.State == "" {
				w.Fatal(err)
			}
		}
		for range 100 {
			w.browser().begin("https://app.test/")
		}
		if w.dump() != before {
			w.Error("logins that were only begun are stored")
		}
		if grown := heapNow() - heap; grown > 4<<20 {
			w.Errorf("logins that were only begun take %d octets", grown)
		}
		rows := func() (n int) {
			if err := w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM contact_sessions`).Scan(&n); err != nil {
				w.Fatal(err)
			}
			return n
		}
		had := rows()
		w.limit(7, false)
		b := w.browser("X-Forwarded-For: 192.0.2.1")
		b.begin("https://app.test/")
		first := *b
		for n := range 20 {
			each := first
			each.send(fmt.Sprintf("address=a%d%%40example.org", n))
		}
		if kept := rows() - had; kept == 0 || kept > 7 {
			w.Errorf("%d rows are kept of a network that may have 7 messages sent", kept)
		}
		w.clock.Advance(25 * 3600 * 1e9)
		if err := w.api.Contacts.Sweep(w.Context()); err != nil || rows() != 0 {
			w.Errorf("after a day %d rows are left, %v", rows(), err)
		}
	})
}

// heapNow is what is in use of the heap.
func heapNow() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
