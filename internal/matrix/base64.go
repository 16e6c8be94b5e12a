package matrix

import (
	"encoding/base64"
	"errors"
	"strings"
)

// ErrBase64 is the error of text that is not base64 in either alphabet.
var ErrBase64 = errors.New("not valid base64")

// EncodeBase64 writes unpadded base64 in the standard alphabet (specification,
// appendices, "Unpadded base64").
func EncodeBase64(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

// DecodeBase64 reads base64 in the standard or the URL-safe alphabet, padded or
// not: keys travel through query strings, where clients choose either.
func DecodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		encoding = base64.RawURLEncoding
	}
	// Not strict about the last character's unused bits: the specification's own
	// signing vectors are not.
	b, err := encoding.DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, ErrBase64
	}
	return b, nil
}
