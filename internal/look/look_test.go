package look

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var colour = regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`)

// The colours of text and ground keep the contrast that WCAG 2.2 asks for (1.4.3 and
// 1.4.11), in the light and in the dark.
func TestTheContrastOfColours(t *testing.T) {
	light, dark, found := strings.Cut(Style, "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("the style has no dark colours")
	}
	for scheme, part := range map[string]string{"light": light, "dark": dark} {
		colours := make(map[string]float64)
		for _, m := range colour.FindAllStringSubmatch(part, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		for _, pair := range []struct {
			front, ground string
			atLeast       float64
		}{
			{"ink", "paper", 4.5}, {"ink", "card", 4.5}, {"ink", "tint", 4.5}, {"soft", "paper", 4.5}, {"soft", "card", 4.5},
			{"accent", "paper", 4.5}, {"accent", "card", 4.5}, {"accent-strong", "paper", 4.5}, {"accent-strong", "tint", 4.5},
			{"on-accent", "accent", 4.5}, {"on-accent", "accent-strong", 4.5}, {"bad", "bad-ground", 4.5}, {"warn", "warn-ground", 4.5},
			{"field", "card", 3}, {"bad", "card", 3},
		} {
			if got := contrast(colours[pair.front], colours[pair.ground]); got < pair.atLeast {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", scheme, pair.front, pair.ground, got, pair.atLeast)
			}
		}
	}
}

func contrast(a, b float64) float64 { return (max(a, b) + .05) / (min(a, b) + .05) }

// luminance is the relative luminance of a colour (WCAG 2.2, glossary).
func luminance(t *testing.T, hex string) (sum float64) {
	t.Helper()
	for i, weight := range []float64{.2126, .7152, .0722} {
		v, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(v) / 255
		if c <= .04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+.055)/1.055, 2.4)
		}
	}
	return sum
}
