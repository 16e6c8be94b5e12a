package captcha

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	dchest "github.com/dchest/captcha"
)

// maxReadings is how often one challenge is read aloud. Each reading has noise of its
// own where another replica draws it, and takes some milliseconds of a processor.
const maxReadings = 5

// english is read to those whose language has no recording.
const english = "en"

// recorded are the languages that there are recordings of.
var recorded = []string{english, "ja", "pt", "ru", "zh"}

// Spoken is the language in which a challenge is read to those who ask for language,
// a tag such as "pt-BR" (BCP 47): English, Japanese, Portuguese, Russian and Chinese
// are recorded, all others hear English.
func Spoken(language string) string {
	primary, _, _ := strings.Cut(strings.ReplaceAll(language, "_", "-"), "-")
	if primary = strings.ToLower(primary); slices.Contains(recorded, primary) {
		return primary
	}
	return english
}

// Audio reads the challenge's digits aloud in Spoken(language), as a WAV of some
// 20 seconds and 160 kB. Errors: ErrUnknown, ErrExpired, ErrDead, and ErrTooOften after
// five readings.
func (c *Captcha) Audio(ctx context.Context, id, language string) ([]byte, error) {
	if _, err := c.Find(ctx, id); err != nil {
		return nil, err
	}
	counted, err := countReading(ctx, c.DB, id)
	if err != nil {
		return nil, fmt.Errorf("counting a reading: %w", err)
	}
	if !counted {
		return nil, ErrTooOften
	}
	return drawAudio(id, c.digits(id), Spoken(language))
}

func drawAudio(id string, digits []byte, spoken string) ([]byte, error) {
	drawing := dchest.NewAudio(id, digits, spoken)
	var out bytes.Buffer
	out.Grow(drawing.EncodedLen() + 1) // the format pads to an even length
	if _, err := drawing.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("drawing what is read aloud: %w", err)
	}
	return out.Bytes(), nil
}
