package mxhttp

import (
	"bytes"
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
)

// Decode reads the request body, a JSON object, into the struct that into points to.
// No JSON is M_NOT_JSON; JSON of other types, with a member named twice or deeper than
// 100 levels is M_BAD_JSON; text with NUL is M_INVALID_PARAM; members tagged
// `required:"true"` that are absent or null are M_MISSING_PARAMS, all of them named.
func Decode(c echo.Context, into any) error {
	s := of(c).server
	buf := s.buffer()
	defer s.giveBack(buf)
	if _, err := buf.ReadFrom(c.Request().Body); err != nil {
		return unread(err)
	}
	err := decode(buf.Bytes(), into)
	if problem, ok := errors.AsType[Problem](err); ok && problem.Code == matrix.NotJSON && isForm(c.Request()) {
		return notJSON("the request body must be JSON, not a form")
	}
	return err
}

// decode is Decode without HTTP. It keeps nothing of b.
func decode(b []byte, into any) error {
	switch {
	case len(bytes.TrimLeft(b, " \t\r\n")) == 0:
		return notJSON("the request body is empty")
	case tooDeep(b):
		return badJSON("the request body is nested too deeply")
	}
	if err := json.Unmarshal(b, into); err != nil {
		return refusal(b, into, err)
	}
	switch v := reflect.ValueOf(into).Elem(); {
	case firstByte(b) != '{':
		return badJSON("the request body must be a JSON object")
	case hasNUL(b):
		return invalidParam("the request body has text with a NUL character")
	case lacking(v):
		if names := missingMembers(v.Type(), b); len(names) > 0 {
			return missing(names)
		}
	}
	return nil
}

// refusal tells what is wrong with a body that does not decode, in words that hold
// nothing of it: only names of members that we know ourselves are repeated.
func refusal(b []byte, into any, err error) error {
	if !jsontext.Value(b).IsValid(jsontext.AllowDuplicateNames(true)) {
		return notJSON("the request body is not valid JSON in UTF-8")
	}
	if firstByte(b) != '{' {
		return badJSON("the request body must be a JSON object")
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return badJSON("the request body names a member twice")
	}
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok {
		for token := range wrong.JSONPointer.Tokens() {
			if hasMember(reflect.TypeOf(into).Elem(), token) {
				return badJSON("the member " + token + " is not of the right type")
			}
			break
		}
	}
	return badJSON("the request body is not of the right types")
}

// isForm reports whether the client says that it sends a form. It matters only to
// explain a body that is not JSON: many clients send no Content-Type or a wrong one,
// curl -d among them.
func isForm(r *http.Request) bool {
	kind, _, _ := strings.Cut(r.Header.Get(echo.HeaderContentType), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == echo.MIMEApplicationForm || strings.HasPrefix(kind, "multipart/")
}

func firstByte(b []byte) byte { return bytes.TrimLeft(b, " \t\r\n")[0] }

// maxDepth is how deep the arrays and objects of a body may be nested.
const maxDepth = 100

func tooDeep(b []byte) bool {
	if bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) <= maxDepth {
		return false
	}
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch ch := b[i]; {
		case ch == '\\':
			i++ // stands only in strings, where it hides what follows
		case ch == '"':
			inString = !inString
		case inString:
		case ch == '[' || ch == '{':
			if depth++; depth > maxDepth {
				return true
			}
		case ch == ']' || ch == '}':
			depth--
		}
	}
	return false
}

// hasNUL reports whether valid JSON has a NUL in a string, which can be written in
// one way only: as an escape whose backslash is not itself escaped.
func hasNUL(b []byte) bool {
	escape := []byte(`\u0000`)
	for from := 0; ; {
		i := bytes.Index(b[from:], escape)
		if i < 0 {
			return false
		}
		at := from + i
		before := len(b[:at]) - len(bytes.TrimRight(b[:at], `\`))
		if before%2 == 0 {
			return true
		}
		from = at + len(escape)
	}
}

func notJSON(message string) Problem {
	return Problem{Status: http.StatusBadRequest, Code: matrix.NotJSON, Message: message}
}

func badJSON(message string) Problem {
	return Problem{Status: http.StatusBadRequest, Code: matrix.BadJSON, Message: message}
}
