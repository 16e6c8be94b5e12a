package fedapi

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// Keys are the keys by which servers sign.
type Keys interface {
	// VerifyKey is the key of a server under an id that counted at a time; the zero time
	// is now. It may ask the server, or others, for it.
	VerifyKey(ctx context.Context, server matrix.ServerName, id matrix.KeyID, at time.Time) (ed25519.PublicKey, error)
	// AtHand is VerifyKey of now as far as nobody has to be asked.
	AtHand(ctx context.Context, server matrix.ServerName, id matrix.KeyID) (ed25519.PublicKey, bool)
}

// Peers is told of servers that are there.
type Peers interface {
	// Heard says that a server has made a signed request just now.
	Heard(server matrix.ServerName)
}

// errSignature is the error of a request that no server has signed for us.
var errSignature = errors.New("the X-Matrix signature is missing, wrong or for another server")

const (
	// maxSignatures bounds the checks that one request costs. A server signs with one key,
	// or with two while it changes them.
	maxSignatures = 4
	// maxAuthorization holds the longest header there can be: two server names, a key id
	// and a signature.
	maxAuthorization = 2 << 10
)

// originHandler is a handler that another server has asked.
type originHandler func(c echo.Context, origin matrix.ServerName) error

// signed lets those requests through that another server has signed (server-server API,
// "Request Authentication"). Anybody can name any server: what a stranger costs is the
// question for the keys of one server, and no body is read before its key is known.
func (a *API) signed(r signedRoute) echo.HandlerFunc {
	return func(c echo.Context) error {
		out, err := a.stranger(c, r.large)
		if err != nil {
			return err
		}
		defer out()
		origin, err := a.origin(c)
		if err != nil {
			return err
		}
		mxhttp.SetCaller(c, "homeserver")
		if a.Peers != nil {
			a.Peers.Heard(origin)
		}
		leave, err := a.admit(origin, r.large)
		if err != nil {
			return err
		}
		defer leave()
		if err := a.charge(c, r.budget, origin); err != nil {
			return err
		}
		return r.handler(c, origin)
	}
}

// origin is the server that has signed a request.
func (a *API) origin(c echo.Context) (matrix.ServerName, error) {
	signatures, err := a.signatures(c.Request().Header.Values(echo.HeaderAuthorization))
	if err != nil {
		return "", err
	}
	keys, err := a.keysOf(c, signatures)
	if err != nil {
		return "", err
	}
	if len(keys) == 0 {
		return "", errSignature
	}
	body, err := content(c)
	if err != nil {
		return "", err
	}
	origin := signatures[0].Origin
	r := matrix.SignedRequest{Method: c.Request().Method, URI: signedURI(c.Request()), Origin: origin, Destination: a.ServerName, Content: body}
	for i, x := range signatures {
		if keys[i] != nil && verified(r, x, keys[i]) {
			return origin, nil
		}
	}
	return "", errSignature
}

// signatures reads the headers that are meant for us, one at least. A key of an algorithm
// that we do not know is passed over; two servers, or a token beside a signature, leave
// open who asks and are refused.
func (a *API) signatures(headers []string) (found []matrix.XMatrix, err error) {
	if len(headers) > maxSignatures {
		return nil, errSignature
	}
	for _, header := range headers {
		if len(header) > maxAuthorization || !matrix.IsXMatrix(header) {
			return nil, errSignature
		}
		x, err := matrix.ParseXMatrix(header)
		if err != nil {
			continue
		}
		if len(found) > 0 && x.Origin != found[0].Origin {
			return nil, errSignature
		}
		if x.Destination == "" || x.Destination == a.ServerName {
			found = append(found, x)
		}
	}
	if len(found) == 0 {
		return nil, errSignature
	}
	return found, nil
}

// keysOf are the keys that signatures name, by their places; none of ourselves, who do not
// ask ourselves. Those that are not at hand are looked for while there are places for that.
func (a *API) keysOf(c echo.Context, signatures []matrix.XMatrix) (map[int]ed25519.PublicKey, error) {
	ctx, keys, missing := c.Request().Context(), map[int]ed25519.PublicKey{}, []int(nil)
	for i, x := range signatures {
		if x.Origin == a.ServerName {
			continue
		}
		if key, known := a.ServerKeys.AtHand(ctx, x.Origin, x.Key); known {
			keys[i] = key
		} else {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return keys, nil
	}
	leave, err := a.seeking(c)
	if err != nil {
		return nil, err
	}
	defer leave()
	for _, i := range missing {
		x := signatures[i]
		key, err := a.ServerKeys.VerifyKey(ctx, x.Origin, x.Key, time.Time{})
		if err != nil {
			mxhttp.Log(c).Debug("a homeserver's key cannot be had", "homeserver", x.Origin, "error", err)
			continue
		}
		keys[i] = key
	}
	return keys, nil
}

// content is the body as it was signed. What is no JSON was not.
func content(c echo.Context) ([]byte, error) {
	body, err := mxhttp.Body(c)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 && !jsontext.Value(body).IsValid() {
		return nil, errNotJSON
	}
	return body, nil
}

// signedURI is the path and query of a request as they were sent, also where the request
// line holds a whole URL (RFC 9112, section 3.2.2).
func signedURI(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}
