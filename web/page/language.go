package page

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/locale"
)

// languageField names a language in an address and in a form.
const languageField = "lang"

// languageOf is the language of the answer to a request, and whether it was chosen
// on a page of ours rather than in the browser's settings: our links carry a choice
// on, since there is no cookie that could.
func languageOf(c echo.Context) (l locale.Language, chosen bool) {
	tag := c.QueryParam(languageField)
	if typed := c.Request().PostForm.Get(languageField); typed != "" {
		tag = typed
	}
	return locale.Match(tag, c.Request().Header.Values("Accept-Language")...), tag != ""
}

// withLanguage is a path of ours for those who have chosen a language.
func withLanguage(path string, c echo.Context) string {
	l, chosen := languageOf(c)
	if !chosen {
		return path
	}
	return path + "?" + languageField + "=" + l.String()
}

// choice is a language in which a page can be read, and the address to read it by.
type choice struct {
	locale.Language
	Address string
}

// menu lists the languages in which this page can be read again by its address: one
// that answers a form has no such address, and to open the specification's link is to
// use it.
func menu(c echo.Context) (all []choice) {
	method := c.Request().Method
	if method != http.MethodGet && method != http.MethodHead || strings.HasPrefix(c.Path(), "/_matrix/") {
		return nil
	}
	for _, l := range locale.Languages() {
		all = append(all, choice{l, "?" + languageField + "=" + l.String()})
	}
	return all
}
