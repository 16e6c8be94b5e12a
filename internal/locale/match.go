package locale

import (
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// What is read of a wish for languages. Browsers send a few dozen bytes; whoever
// sends more has no right to have all of it parsed.
const (
	maxTag    = 35   // bytes of one tag; RFC 5646 section 4.4.1 asks for room for 35
	maxHeader = 1024 // bytes of all Accept-Language headers together
	maxWishes = 32   // entries in each
)

var (
	tags    = makeTags()
	matcher = language.NewMatcher(tags)
)

func makeTags() []language.Tag {
	var all []language.Tag
	for _, k := range known {
		all = append(all, mustParse(k.tag))
	}
	return all
}

// Match is the language for somebody who has chosen explicit, a tag that may be
// empty, and whose browser sends the given Accept-Language headers (RFC 9110 section
// 12.5.4, matched by RFC 4647). What cannot be read or is not spoken here is passed
// over; who leaves nothing else reads English.
func Match(explicit string, acceptLanguage ...string) Language {
	if t, ok := parseTag(explicit); ok {
		if l, ok := match(t); ok {
			return l
		}
	}
	l, _ := match(wishes(acceptLanguage)...)
	return l
}

func match(wished ...language.Tag) (Language, bool) {
	_, i, confidence := matcher.Match(wished...)
	if confidence == language.No {
		return English, false
	}
	return Language(i), true
}

// wishes are the tags of the headers, the most wanted first.
func wishes(headers []string) []language.Tag {
	type wish struct {
		tag    language.Tag
		weight float32
	}
	var all []wish
	left := maxHeader
	for _, header := range headers {
		header = header[:min(len(header), left)]
		left -= len(header)
		entries := strings.SplitN(header, ",", maxWishes+1)
		for _, entry := range entries[:min(len(entries), maxWishes)] {
			if tag, weight, ok := parseWish(entry); ok {
				all = append(all, wish{tag, weight})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b wish) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		}
		return 0
	})
	tags := make([]language.Tag, len(all))
	for i, w := range all {
		tags[i] = w.tag
	}
	return tags
}

// parseWish reads one entry of a header, such as "de-CH;q=0.8". It is read on its
// own, so that a bad one does not spoil its neighbours.
func parseWish(entry string) (language.Tag, float32, bool) {
	tag, _, _ := strings.Cut(entry, ";")
	if _, ok := parseTag(strings.TrimSpace(tag)); !ok {
		return language.Tag{}, 0, false
	}
	tags, weights, err := language.ParseAcceptLanguage(entry)
	if err != nil || len(tags) != 1 {
		return language.Tag{}, 0, false
	}
	weight := weights[0]
	return tags[0], weight, 0 < weight && weight <= 1 // also refuses what is not a number
}

func parseTag(s string) (language.Tag, bool) {
	if s == "" || len(s) > maxTag {
		return language.Tag{}, false
	}
	t, err := language.Parse(s)
	return t, err == nil
}

// mustParse parses a tag of this package's own.
func mustParse(tag string) language.Tag { return language.MustParse(tag) }
