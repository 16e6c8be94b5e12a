package page

import (
	"slices"
	"strings"
)

// browser is the name of a browser and of its system, each empty where it is not known.
type browser struct{ Name, System string }

// Known tells whether anything is known of it.
func (b browser) Known() bool { return b != browser{} }

// browserOf names a browser and its system by the User-Agent, where they are of those that
// people know by name.
func browserOf(agent string) browser {
	return browser{
		Name:   firstOf(agent, "Edg", "Edge", "OPR", "Opera", "SamsungBrowser", "Samsung Internet", "Firefox", "Firefox", "FxiOS", "Firefox", "CriOS", "Chrome", "Chrome", "Chrome", "Safari", "Safari"),
		System: firstOf(agent, "Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "CrOS", "ChromeOS", "Mac OS X", "macOS", "Linux", "Linux"),
	}
}

// firstOf is the name of the first mark that a text has, of marks with their names.
func firstOf(text string, marks ...string) string {
	for pair := range slices.Chunk(marks, 2) {
		if strings.Contains(text, pair[0]) {
			return pair[1]
		}
	}
	return ""
}
