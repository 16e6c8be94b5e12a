package page

import (
	"errors"
	"slices"
	"sync"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"signet/internal/locale"
	"signet/internal/threepid"
)

// country is a line of the list that says how a phone number is dialled.
type country struct{ Code, Name string }

// countries lists those whose phone numbers are known, by the names and in the order
// of each language.
var countries = sync.OnceValue(func() map[locale.Language][]country {
	codes := dialled()
	lists := make(map[locale.Language][]country)
	for _, l := range locale.Languages() {
		lists[l] = named(codes, l.Tag())
	}
	return lists
})

func named(codes []language.Region, l language.Tag) []country {
	names := display.Regions(l)
	list := make([]country, len(codes))
	for i, code := range codes {
		list[i] = country{Code: code.String(), Name: names.Name(code)}
	}
	order := collate.New(l)
	slices.SortFunc(list, func(a, b country) int { return order.CompareString(a.Name, b.Name) })
	return list
}

// dialled are the countries that have phone numbers.
func dialled() (regions []language.Region) {
	for first := 'A'; first <= 'Z'; first++ {
		for second := 'A'; second <= 'Z'; second++ {
			code := string(first) + string(second)
			region, err := language.ParseRegion(code)
			if err == nil && region.String() == code && region.IsCountry() && hasPhones(code) {
				regions = append(regions, region)
			}
		}
	}
	return regions
}

func hasPhones(code string) bool {
	_, err := threepid.ParsePhone("", code)
	return !errors.Is(err, threepid.ErrCountry)
}
