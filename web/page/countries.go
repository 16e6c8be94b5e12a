package page

import (
	"cmp"
	"errors"
	"slices"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"

	"signet/internal/threepid"
)

// country is a line of the list that says how a phone number is dialled.
type country struct{ Code, Name string }

// countries lists those whose phone numbers are known, by name.
func countries() []country {
	var list []country
	names := display.English.Regions()
	for first := 'A'; first <= 'Z'; first++ {
		for second := 'A'; second <= 'Z'; second++ {
			code := string(first) + string(second)
			region, err := language.ParseRegion(code)
			if err != nil || region.String() != code || !region.IsCountry() || !hasPhones(code) {
				continue
			}
			list = append(list, country{Code: code, Name: names.Name(region)})
		}
	}
	slices.SortFunc(list, func(a, b country) int {
		return cmp.Compare(norm.NFD.String(a.Name), norm.NFD.String(b.Name)) // Å among the A
	})
	return list
}

func hasPhones(code string) bool {
	_, err := threepid.ParsePhone("", code)
	return !errors.Is(err, threepid.ErrCountry)
}
