package webclient

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/locale"
	"signet/internal/look"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

var (
	//go:embed static
	static embed.FS
	//go:embed phrases
	texts embed.FS
)

const (
	indexName = "index.html"
	styleName = "style.css"
	iconName  = "icon.svg"
)

// kinds are the media types of the files.
var kinds = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// Options is whose client it is.
type Options struct {
	ServerName matrix.ServerName
	// PublicURL is where the client-server API is reached.
	PublicURL string
	// IdentityServer is the URL of the identity server that clients are told of; empty is none.
	IdentityServer string
}

// Client is the files, ready to be served.
type Client struct {
	files  map[string][]byte // all but the page
	folder string            // where they are served: a new one for new files
	pages  map[locale.Language][]byte
	policy string
}

// New makes a Client. It fails on a PublicURL or IdentityServer that is no URL of the web.
func New(o Options) (*Client, error) {
	policy, err := o.policy()
	if err != nil {
		return nil, err
	}
	c := &Client{policy: policy}
	c.files, err = files()
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		fmt.Fprintf(sum, "%s %d\n%s", name, len(c.files[name]), c.files[name])
	}
	delete(c.files, indexName)
	c.folder = "/_signet/web/" + hex.EncodeToString(sum.Sum(nil)[:8])
	c.pages, err = o.pages(c.folder)
	return c, err
}

// files are all that the client is made of, by their names.
func files() (map[string][]byte, error) {
	entries, err := static.ReadDir("static")
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{iconName: []byte(look.Bubble)}
	for _, entry := range entries {
		if all[entry.Name()], err = static.ReadFile(path.Join("static", entry.Name())); err != nil {
			return nil, err
		}
	}
	all[styleName] = append([]byte(look.Style+"\n"), all[styleName]...)
	return all, nil
}

// view is what the page's template sees.
type view struct {
	ServerName, IdentityServer, Folder string
	Language                           locale.Language
	Languages                          []locale.Language
	Phrases                            map[string]map[string]string // for the script, which says them
	Name, Seal                         template.HTML                // ours: the server's name, and the icon drawn into the page
}

// pages are the one page there is in each language; the script fills it.
func (o Options) pages(folder string) (map[locale.Language][]byte, error) {
	source, err := fs.Sub(texts, "phrases")
	if err != nil {
		return nil, err
	}
	catalog, err := locale.Load("web", source)
	if err != nil {
		return nil, fmt.Errorf("reading the phrases of the web client: %w", err)
	}
	all := map[locale.Language][]byte{}
	for _, l := range locale.Languages() {
		p := catalog.In(l)
		v := view{
			ServerName: o.ServerName.String(), IdentityServer: o.IdentityServer, Folder: folder, Language: l, Languages: locale.Languages(), Phrases: map[string]map[string]string{},
			Name: template.HTML("<bdi>" + template.HTMLEscapeString(o.ServerName.String()) + "</bdi>"), Seal: template.HTML(look.Bubble),
		}
		for _, key := range catalog.Keys() {
			v.Phrases[key] = p.Forms(key)
		}
		t, err := template.New(indexName).Funcs(p.HTMLFuncs()).ParseFS(static, "static/"+indexName)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, v); err != nil {
			return nil, err
		}
		all[l] = b.Bytes()
	}
	return all, nil
}

// policy lets the page run our script, ask this server and the identity server, and show the
// latter's CAPTCHAs. Trusted Types leave no way from a text to HTML.
func (o Options) policy() (string, error) {
	hosts := []string{"'self'"}
	for _, address := range []string{o.PublicURL, o.IdentityServer} {
		origin, err := originOf(address)
		if err != nil {
			return "", err
		}
		if origin != "" && !slices.Contains(hosts, origin) {
			hosts = append(hosts, origin)
		}
	}
	asked := strings.Join(hosts, " ")
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src " + asked + "; media-src " + asked + "; connect-src " + asked +
		"; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'", nil
}

// originOf is the scheme and host of an address, empty for none.
func originOf(address string) (string, error) {
	if address == "" {
		return "", nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || strings.ContainsAny(u.Host, " ;,'") || (u.Scheme != "https" && u.Scheme != "http") {
		return "", fmt.Errorf("%q is not the address of a server on the web", address)
	}
	return u.Scheme + "://" + u.Host, nil
}

// Routes is the table of what is served.
func (c *Client) Routes() []mxhttp.Route {
	return []mxhttp.Route{
		{Method: http.MethodGet, Path: "/", Handler: c.servePage, Page: true},
		{Method: http.MethodGet, Path: "/_signet/web/:version/:name", Handler: c.serveFile, Page: true},
	}
}

// GET /
//
// It is in the language that was chosen on the page, or else asked for by the browser.
func (c *Client) servePage(e echo.Context) error {
	h := e.Response().Header()
	h.Set("Content-Security-Policy", c.policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// The page of a stage, which is opened beside this one, tells it that it is done.
	h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	h.Set("Vary", "Accept-Language")
	l := locale.Match(e.QueryParam("lang"), e.Request().Header.Values("Accept-Language")...)
	h.Set("Content-Language", l.String())
	return mxhttp.ReplyBytes(e, "text/html; charset=utf-8", "no-cache", c.pages[l])
}

// GET /_signet/web/{version}/{name}
//
// The files name each other without a folder, so that all are of one version, and each may be
// kept for good.
func (c *Client) serveFile(e echo.Context) error {
	name, err := mxhttp.Segment(e, "name")
	if err != nil {
		return err
	}
	content, known := c.files[name]
	if !known || e.Request().URL.Path != c.folder+"/"+name {
		return echo.ErrNotFound
	}
	h := e.Response().Header()
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	return mxhttp.ReplyBytes(e, kinds[path.Ext(name)], "public, max-age=31536000, immutable", content)
}
