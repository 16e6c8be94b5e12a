package sms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"signet/internal/deliver"
)

// A verdict judges the 2xx answers of a gateway.
type verdict struct {
	pointer []string // reference tokens, nil for the whole body
	match   *regexp.Regexp
	trusted bool // the status says it all
}

func newVerdict(s Success) (verdict, error) {
	if s == (Success{}) {
		return verdict{trusted: true}, nil
	}
	pointer, err := parsePointer(s.Pointer)
	if err != nil {
		return verdict{}, err
	}
	match, err := regexp.Compile(s.Match)
	if err != nil {
		return verdict{}, fmt.Errorf("the pattern of success: %w", err)
	}
	return verdict{pointer: pointer, match: match}, nil
}

// on is nil for a message that was taken. A gateway that says something else where
// it should say so has not taken it, most likely for a reason that lies with us; one
// that says nothing there leaves it open.
func (v verdict) on(a answer) (kind, cause error) {
	if v.trusted {
		return nil, nil
	}
	said, ok := v.find(a)
	switch {
	case !ok && a.cut != nil:
		return deliver.ErrUnknownOutcome, a.cut
	case !ok:
		return deliver.ErrUnknownOutcome, errors.New("answer does not say whether it was taken")
	case !v.match.MatchString(said):
		return deliver.ErrMisconfigured, errors.New("answer says that it was not taken")
	}
	return nil, nil
}

func (v verdict) find(a answer) (string, bool) {
	if v.pointer == nil {
		return string(a.body), len(a.body) > 0
	}
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber() // as the gateway wrote it
	var root any
	if decoder.Decode(&root) != nil {
		return "", false
	}
	return follow(root, v.pointer)
}

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

// parsePointer reads a JSON pointer (RFC 6901, section 3).
func parsePointer(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	if s[0] != '/' {
		return nil, errors.New("a JSON pointer begins with a slash")
	}
	tokens := strings.Split(s[1:], "/")
	for i, token := range tokens {
		if rest := strings.NewReplacer("~0", "", "~1", "").Replace(token); strings.Contains(rest, "~") {
			return nil, errors.New("in a JSON pointer, ~ is written ~0")
		}
		tokens[i] = pointerEscapes.Replace(token)
	}
	return tokens, nil
}

// follow gives the scalar at a pointer as text, or false if there is none.
func follow(at any, pointer []string) (string, bool) {
	for _, token := range pointer {
		switch parent := at.(type) {
		case map[string]any:
			child, ok := parent[token]
			if !ok {
				return "", false
			}
			at = child
		case []any:
			i, err := strconv.ParseUint(token, 10, 31)
			if err != nil || i >= uint64(len(parent)) {
				return "", false
			}
			at = parent[i]
		default:
			return "", false
		}
	}
	switch at.(type) {
	case string, json.Number, bool:
		return fmt.Sprint(at), true
	}
	return "", false
}
