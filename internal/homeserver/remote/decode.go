package remote

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
)

// errShape is an answer of another shape than that asked for.
var errShape = fmt.Errorf("%w: not JSON of the expected shape", fedclient.ErrBadAnswer)

// members is what is read of an object, by name. What is not named is passed over.
type members map[string]func(*jsontext.Decoder) error

// object reads one object and no more, piece by piece. It is not strict about what stands in
// events: some rooms hold old ones that are not, and each is judged by itself.
func object(wanted members) func(io.Reader) error {
	return func(r io.Reader) error {
		d := jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		if err := readObject(d, wanted); err != nil {
			return shape(err)
		}
		if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
			return shape(err)
		}
		return nil
	}
}

func readObject(d *jsontext.Decoder, wanted members) error {
	if begins, err := d.ReadToken(); err != nil || begins.Kind() != '{' {
		return either(err)
	}
	seen := map[string]bool{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		key := name.String()
		read, known := wanted[key]
		switch {
		case !known:
			err = d.SkipValue()
		case seen[key]: // which of the two was meant, nobody knows
			err = errShape
		default:
			seen[key] = true
			err = read(d)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// events reads a list of objects, not more than most.
func events(list *[]jsontext.Value, most int) func(*jsontext.Decoder) error {
	return func(d *jsontext.Decoder) error {
		*list = []jsontext.Value{} // there is one
		return elements(d, most, func() error {
			value, err := d.ReadValue()
			if err != nil || value.Kind() != '{' {
				return either(err)
			}
			*list = append(*list, value.Clone())
			return nil
		})
	}
}

// ids reads a list of texts, not more than most.
func ids(list *[]string, most int) func(*jsontext.Decoder) error {
	return func(d *jsontext.Decoder) error {
		*list = []string{}
		return elements(d, most, func() error {
			id, err := d.ReadToken()
			if err != nil || id.Kind() != '"' {
				return either(err)
			}
			*list = append(*list, id.String())
			return nil
		})
	}
}

// elements reads a list by read, which takes one element. null is an empty list.
func elements(d *jsontext.Decoder, most int, read func() error) error {
	begins, err := d.ReadToken()
	if err != nil || begins.Kind() != '[' {
		if err == nil && begins.Kind() == 'n' {
			return nil
		}
		return either(err)
	}
	for n := 0; d.PeekKind() != ']'; n++ {
		if n == most {
			return fedclient.ErrTooLarge
		}
		if err := read(); err != nil {
			return err
		}
	}
	_, err = d.ReadToken()
	return err
}

// value reads any value strictly.
func value(v any) func(*jsontext.Decoder) error {
	return func(d *jsontext.Decoder) error {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		if raw.Kind() == 'n' {
			return nil
		}
		if json.Unmarshal(raw, v) != nil {
			return errShape
		}
		return nil
	}
}

// raw keeps a value that is an object.
func raw(v *jsontext.Value) func(*jsontext.Decoder) error {
	return func(d *jsontext.Decoder) error {
		read, err := d.ReadValue()
		if err == nil && read.Kind() == '{' {
			*v = read.Clone()
		}
		return err
	}
}

func either(err error) error {
	if err == nil {
		return errShape
	}
	return err
}

// shape tells what went wrong without a quotation: what broke off on the way stays what it
// is, all else is not as it should be.
func shape(err error) error {
	for _, known := range []error{fedclient.ErrTooLarge, fedclient.ErrUnreachable} {
		if errors.Is(err, known) {
			return err
		}
	}
	return errShape
}
