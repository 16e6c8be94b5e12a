package page_test

import (
	"strings"

	"golang.org/x/net/html"

	"signet/internal/locale"
)

// all are the elements of a name, in the order of the document.
func (r *reply) all(name string) (found []*html.Node) {
	for n := range r.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			found = append(found, n)
		}
	}
	return found
}

func (r *reply) one(name string) *html.Node {
	r.Helper()
	found := r.all(name)
	if len(found) != 1 {
		r.Fatalf("the page has %d elements <%s>, want one:\n%s", len(found), name, r.body)
	}
	return found[0]
}

func (r *reply) byID(id string) *html.Node {
	for n := range r.doc.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// words is the text below n as a reader sees it, in single spaces.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// checkPage holds every page that any test sees against what all of them promise.
func (r *reply) checkPage() {
	r.Helper()
	r.checkLanguage()
	for _, name := range []string{"title", "main", "h1"} {
		if words(r.one(name)) == "" {
			r.Errorf("<%s> is empty", name)
		}
	}
	if styles := len(r.all("style")); styles != 0 {
		r.Errorf("the page has %d inline styles, want none", styles)
	}
	for _, script := range r.all("script") {
		if !strings.HasPrefix(attr(script, "src"), "/_signet/invitation.js?v=") || script.FirstChild != nil {
			r.Errorf("the page has a script at %q, or an inline one", attr(script, "src"))
		}
	}
	seen := make(map[string]bool)
	for n := range r.doc.Descendants() {
		if n.Type == html.ElementNode {
			r.checkElement(n, seen)
		}
	}
	r.checkOutline()
	r.checkHeader()
}

// checkLanguage wants the page to say in which language it is, to browsers and caches.
func (r *reply) checkLanguage() {
	r.Helper()
	root := r.one("html")
	l, err := locale.ParseLanguage(attr(root, "lang"))
	if err != nil || attr(root, "dir") != l.Direction() {
		r.Errorf("lang = %q, dir = %q", attr(root, "lang"), attr(root, "dir"))
	}
	if got, vary := r.Header.Get("Content-Language"), r.Header.Get("Vary"); got != l.String() || vary != "Accept-Language" {
		r.Errorf("Content-Language = %q, Vary = %q, want %v and Accept-Language", got, vary, l)
	}
}

func (r *reply) checkElement(n *html.Node, seen map[string]bool) {
	r.Helper()
	for _, a := range n.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on") || a.Key == "style":
			r.Errorf("<%s> has an inline %s", n.Data, a.Key)
		case a.Key == "id" && seen[a.Val]:
			r.Errorf("the id %q is there twice", a.Val)
		case a.Key == "id":
			seen[a.Val] = true
		case a.Key == "aria-describedby" || a.Key == "aria-labelledby":
			for _, id := range strings.Fields(a.Val) {
				if r.byID(id) == nil {
					r.Errorf("<%s> refers by %s to %q, which is not there", n.Data, a.Key, id)
				}
			}
		case a.Key == "src" || a.Key == "action" || a.Key == "formaction" || a.Key == "href" && n.Data == "link":
			if !strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//") {
				r.Errorf("<%s %s=%q> is not on this server", n.Data, a.Key, a.Val)
			}
		}
	}
	switch n.Data {
	case "input", "select":
		r.checkField(n)
	case "img":
		if attr(n, "alt") == "" || !has(n, "width") || !has(n, "height") {
			r.Errorf("the picture %q has no text in its place, or no size", attr(n, "src"))
		}
	case "audio":
		if attr(n, "aria-label") == "" || !has(n, "controls") || has(n, "autoplay") || attr(n, "preload") != "none" {
			r.Errorf("the recording %q has no name or no controls, or plays by itself", attr(n, "src"))
		}
	case "button", "a", "iframe", "summary":
		if words(n) == "" && attr(n, "title") == "" {
			r.Errorf("<%s> has no name", n.Data)
		}
	}
}

// checkField wants a label, and of a wrong field that it is said to be, and why.
func (r *reply) checkField(n *html.Node) {
	r.Helper()
	if attr(n, "type") == "hidden" {
		return
	}
	labelled := false
	for _, label := range r.all("label") {
		labelled = labelled || attr(label, "for") == attr(n, "id") && words(label) != ""
	}
	if !labelled || !has(n, "autocomplete") && attr(n, "type") != "checkbox" {
		r.Errorf("the field %q has no label or no autocomplete", attr(n, "name"))
	}
	if !has(n, "aria-invalid") {
		return
	}
	first, _, _ := strings.Cut(attr(n, "aria-describedby"), " ")
	if alert := r.byID(first); alert == nil || attr(alert, "role") != "alert" || words(alert) == "" || !has(n, "autofocus") {
		r.Errorf("the wrong field %q does not lead to an alert, or has not the focus", attr(n, "name"))
	}
}

// checkOutline wants no heading to skip a level.
func (r *reply) checkOutline() {
	r.Helper()
	level := 0
	for n := range r.doc.Descendants() {
		if n.Type != html.ElementNode || len(n.Data) != 2 || n.Data[0] != 'h' || n.Data[1] < '1' || n.Data[1] > '6' {
			continue
		}
		if next := int(n.Data[1] - '0'); next > level+1 {
			r.Errorf("a heading of level %d follows one of level %d", next, level)
		}
		level = int(n.Data[1] - '0')
	}
}

func (r *reply) checkHeader() {
	r.Helper()
	for name, want := range map[string]string{
		"Cache-Control":               "no-store",
		"Referrer-Policy":             "same-origin",
		"X-Content-Type-Options":      "nosniff",
		"Access-Control-Allow-Origin": "",
		"Set-Cookie":                  "",
	} {
		if got := r.Header.Get(name); got != want {
			r.Errorf("%s %s: %s = %q, want %q", r.Request.Method, r.Request.URL.Path, name, got, want)
		}
	}
	policy := r.Header.Get("Content-Security-Policy")
	for _, rule := range []string{"default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, rule) {
			r.Errorf("Content-Security-Policy = %q, want %q in it", policy, rule)
		}
	}
	if hears := len(r.all("audio")) > 0; strings.Contains(policy, "media-src 'self'") != hears {
		r.Errorf("Content-Security-Policy = %q, of a page with sound: %t", policy, hears)
	}
	if runs := len(r.all("script")) > 0; strings.Contains(policy, "script-src 'self'") != runs || strings.Contains(policy, "script-src") != runs {
		r.Errorf("Content-Security-Policy = %q, of a page with a script: %t", policy, runs)
	}
	if strings.Contains(policy, "unsafe") {
		r.Errorf("Content-Security-Policy = %q opens more than a page needs", policy)
	}
}
