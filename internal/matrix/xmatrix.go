package matrix

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// XMatrix is an Authorization header of the X-Matrix scheme, by which a server
// signs a request (server-server API, "Request Authentication"). Destination is
// empty when the header does not say it.
type XMatrix struct {
	Origin      ServerName
	Destination ServerName
	Key         KeyID
	Signature   string // unpadded base64
}

// ErrXMatrix is the error of a header that is not of the X-Matrix scheme or not
// whole.
var ErrXMatrix = errors.New("not a valid X-Matrix authorization header")

// IsXMatrix tells whether an Authorization header is of the X-Matrix scheme, whole
// or not.
func IsXMatrix(header string) bool {
	scheme, _, _ := strings.Cut(header, " ")
	return strings.EqualFold(scheme, "X-Matrix")
}

// ParseXMatrix reads the header's value. Parameter names are compared without
// case, values may be tokens or quoted strings (RFC 9110, section 11.2); a
// parameter given twice is refused.
func ParseXMatrix(header string) (XMatrix, error) {
	if !IsXMatrix(header) {
		return XMatrix{}, ErrXMatrix
	}
	_, rest, _ := strings.Cut(header, " ")
	params, err := parseAuthParams(rest)
	if err != nil {
		return XMatrix{}, err
	}
	origin, err := ParseServerName(params["origin"])
	if err != nil {
		return XMatrix{}, ErrXMatrix
	}
	key, ok := ParseKeyID(params["key"])
	if !ok || params["sig"] == "" {
		return XMatrix{}, ErrXMatrix
	}
	x := XMatrix{Origin: origin, Key: key, Signature: params["sig"]}
	if destination := params["destination"]; destination != "" {
		if x.Destination, err = ParseServerName(destination); err != nil {
			return XMatrix{}, ErrXMatrix
		}
	}
	return x, nil
}

// String is the header's value. ParseXMatrix reads it back.
func (x XMatrix) String() string {
	return fmt.Sprintf(`X-Matrix origin="%s",destination="%s",key="%s",sig="%s"`,
		x.Origin, x.Destination, x.Key, x.Signature)
}

func parseAuthParams(s string) (map[string]string, error) {
	params := map[string]string{}
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimLeft(s, " \t,") {
		name, rest, found := strings.Cut(s, "=")
		if !found {
			return nil, ErrXMatrix
		}
		name = strings.ToLower(strings.TrimSpace(name))
		value, rest, err := cutAuthValue(strings.TrimLeft(rest, " \t"))
		if _, twice := params[name]; err != nil || twice {
			return nil, ErrXMatrix
		}
		params[name] = value
		s = rest
	}
	return params, nil
}

// cutAuthValue reads one token or quoted string from the front of s.
func cutAuthValue(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ", \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", ErrXMatrix
}

// SignedRequest is what an X-Matrix signature covers. Content is the request's
// JSON body, nil for a request without one; URI is the path with its query, as
// sent.
type SignedRequest struct {
	Method      string
	URI         string
	Origin      ServerName
	Destination ServerName
	Content     []byte
}

// destinationField names the member that holds the destination in the signed
// object. The specification says "destination"; homeservers in the field sign
// "destination_is" on the identity server's unbind.
type destinationField string

const (
	destinationSpec  destinationField = "destination"
	destinationInUse destinationField = "destination_is"
)

// Authorize signs the request and returns its header.
func (r SignedRequest) Authorize(key SigningKey) (XMatrix, error) {
	object, err := r.object(destinationSpec, nil)
	if err != nil {
		return XMatrix{}, err
	}
	signed, err := key.Sign(r.Origin, object)
	if err != nil {
		return XMatrix{}, err
	}
	var result struct {
		Signatures map[ServerName]map[KeyID]string `json:"signatures"`
	}
	if err := json.Unmarshal(signed, &result); err != nil {
		return XMatrix{}, fmt.Errorf("reading own signature: %w", err)
	}
	return XMatrix{Origin: r.Origin, Destination: r.Destination, Key: key.ID, Signature: result.Signatures[r.Origin][key.ID]}, nil
}

// Verify checks the header's signature over the request with the origin's public
// key, under either spelling of the destination.
func (r SignedRequest) Verify(x XMatrix, key []byte) error {
	for _, field := range []destinationField{destinationSpec, destinationInUse} {
		object, err := r.object(field, &x)
		if err != nil {
			return ErrSignature
		}
		if Verify(x.Origin, x.Key, key, object) == nil {
			return nil
		}
	}
	return ErrSignature
}

// object is the JSON that is signed; with x, it carries that header's signature.
func (r SignedRequest) object(field destinationField, x *XMatrix) ([]byte, error) {
	members := map[string]any{
		"method":      r.Method,
		"uri":         r.URI,
		"origin":      r.Origin,
		string(field): r.Destination,
	}
	if len(r.Content) > 0 {
		members["content"] = jsontext.Value(r.Content)
	}
	if x != nil {
		members["signatures"] = map[ServerName]map[KeyID]string{x.Origin: {x.Key: x.Signature}}
	}
	object, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("building signed request: %w", err)
	}
	return object, nil
}
