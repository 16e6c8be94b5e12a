package page

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/locale"
)

// languageField names a language in an address and in a form.
const languageField = "lang"

// language is that of the answer to a request: the one that was chosen on a page of ours, or
// else what the browser asks for.
func language(c echo.Context) locale.Language {
	tag := c.QueryParam(languageField)
	if typed := c.Request().PostForm.Get(languageField); typed != "" {
		tag = typed
	}
	return locale.Match(tag, c.Request().Header.Values("Accept-Language")...)
}

// choice is a language in which a page can be read, and the address to read it by.
type choice struct {
	locale.Language
	Address string
}

// menu lists the languages in which the page can be read again by its address. One that
// answers a form has an address of its own only where it is that of the form's page.
func menu(c echo.Context, again bool) (all []choice) {
	method := c.Request().Method
	if method != http.MethodGet && method != http.MethodHead && !again {
		return nil
	}
	query := c.Request().URL.Query()
	for _, l := range locale.Languages() {
		query.Set(languageField, l.String())
		all = append(all, choice{l, "?" + query.Encode()})
	}
	return all
}
