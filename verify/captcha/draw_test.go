package captcha_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	dchest "github.com/dchest/captcha"

	"signet/internal/clocktest"
	"signet/internal/store/storetest"
	"signet/verify/captcha"
)

// digits are those of an answer, as the library takes them.
func digits(answer string) []byte {
	octets := []byte(answer)
	for i := range octets {
		octets[i] -= '0'
	}
	return octets
}

func (w *world) image(on *captcha.Captcha, id string) []byte {
	w.Helper()
	picture, err := on.Image(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	return picture
}

// The library draws the same in one process, which shows here that the picture is of
// the answer.
func TestThePictureShowsTheAnswer(t *testing.T) {
	each(t, func(w *world) {
		for range 10 {
			c := w.openNew(alice)
			picture, err := png.Decode(bytes.NewReader(w.image(w.a, c.ID)))
			if err != nil {
				w.Fatal(err)
			}
			want := dchest.NewImage(c.ID, digits(w.a.Answer(c.ID)), 240, 80)
			got, ok := picture.(*image.Paletted)
			if !ok || got.Rect != want.Rect || !bytes.Equal(got.Pix, want.Pix) {
				w.Fatalf("the picture is not of the answer, or not 240 by 80: %v", picture.Bounds())
			}
			if light(got.Palette[0]) != light(color.White) {
				w.Errorf("the picture's ground is %v, want it white", got.Palette[0])
			}
			if light(got.Palette[1]) >= light(want.Palette[1]) && light(want.Palette[1]) > 0.06 {
				w.Errorf("the digits are %v, no darker than %v", got.Palette[1], want.Palette[1])
			}
		}
	})
}

// The palest digits that are drawn can be read all the same.
func TestTheDigitsHaveContrast(t *testing.T) {
	palest := color.RGBA{128, 128, 128, 255}
	if contrast := light(color.White) / light(captcha.Darker(palest)); contrast < 4.5 {
		t.Errorf("the palest digits have a contrast of %.2f, want 4.5", contrast)
	}
}

// light is what the contrast of WCAG 2.2 compares: a colour's relative luminance with
// the flare of a screen; 0 for a colour that is not opaque.
func light(c color.Color) float64 {
	r, g, b, a := c.RGBA()
	if a != 0xffff {
		return 0
	}
	linear := func(v uint32) float64 {
		if s := float64(v) / 0xffff; s > 0.04045 {
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return float64(v) / 0xffff / 12.92
	}
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b) + 0.05
}

// TestAReplicaInAnotherProcess starts this test again as a child, which has noise of
// its own: it must show the same picture all the same, and know the answer.
func TestAReplicaInAnotherProcess(t *testing.T) {
	if id := os.Getenv("SIGNET_TEST_CHALLENGE"); id != "" {
		child(t, id)
		return
	}
	each(t, func(w *world) {
		c := w.open(alice)
		cmd := exec.Command(os.Args[0], "-test.run=^TestAReplicaInAnotherProcess$")
		file := w.keyFile + ".png"
		cmd.Env = append(os.Environ(), "SIGNET_TEST_CHALLENGE="+c.ID, "SIGNET_TEST_DATABASE="+w.url,
			"SIGNET_TEST_KEY="+w.keyFile, "SIGNET_TEST_PICTURE="+file, "SIGNET_TEST_ANSWER="+w.a.Answer(c.ID))
		if out, err := cmd.CombinedOutput(); err != nil {
			w.Fatalf("the child: %v\n%s", err, out)
		}
		theirs, err := os.ReadFile(file)
		if err != nil {
			w.Fatal(err)
		}
		for _, on := range []*captcha.Captcha{w.a, w.b, w.a} {
			if !bytes.Equal(theirs, w.image(on, c.ID)) {
				w.Error("two replicas show different pictures of one challenge")
			}
		}
		if found, err := w.a.Find(w.Context(), c.ID); err != nil || !found.Passed {
			w.Errorf("Find = %+v, %v; want it passed by the other process", found, err)
		}
	})
}

func child(t *testing.T, id string) {
	db := storetest.Open(t, os.Getenv("SIGNET_TEST_DATABASE"), nil)
	c := replica(t, db, os.Getenv("SIGNET_TEST_KEY"), clocktest.New().Now)
	picture, err := c.Image(t.Context(), id)
	err = errors.Join(err, os.WriteFile(os.Getenv("SIGNET_TEST_PICTURE"), picture, 0o600),
		c.Pass(t.Context(), id, os.Getenv("SIGNET_TEST_ANSWER")))
	if err != nil {
		t.Fatal(err)
	}
}

func TestAChallengeIsReadAloudFiveTimes(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		seen := w.atOnce(20, func(on *captcha.Captcha) error {
			sound, err := on.Audio(w.Context(), c.ID, "en")
			if err == nil {
				w.wantWAV(sound)
			}
			return err
		})
		if seen[nil] != 5 || seen[captcha.ErrTooOften] != 15 {
			w.Errorf("20 at once heard %v, want five readings", seen)
		}
		w.pass(c.ID, w.a.Answer(c.ID), nil) // who has heard it can still answer
	})
}

// wantWAV reads the header: PCM of one channel, 8 bits and 8 kHz, and chunks that end
// where the file does.
func (w *world) wantWAV(sound []byte) {
	w.Helper()
	if len(sound) < 44 || string(sound[:4]) != "RIFF" || string(sound[8:16]) != "WAVEfmt " || string(sound[36:40]) != "data" {
		w.Errorf("no WAV: %q", sound[:min(44, len(sound))])
		return
	}
	word := func(at int) int { return int(binary.LittleEndian.Uint32(sound[at:])) }
	half := func(at int) int { return int(binary.LittleEndian.Uint16(sound[at:])) }
	if word(4) != len(sound)-8 || word(40)+word(40)%2 != len(sound)-44 {
		w.Errorf("chunks of %d and %d octets in a file of %d", word(4), word(40), len(sound))
	}
	if word(16) != 16 || half(20) != 1 || half(22) != 1 || word(24) != 8000 || half(34) != 8 {
		w.Errorf("a format of %x", sound[16:36])
	}
	if took := time.Duration(word(40)) * time.Second / 8000; took < 10*time.Second || took > 40*time.Second {
		w.Errorf("a reading takes %s", took)
	}
}

func TestLanguages(t *testing.T) {
	for language, want := range map[string]string{
		"en": "en", "ru": "ru", "zh": "zh", "ja": "ja", "pt": "pt", "pt-BR": "pt", "ZH_hant_TW": "zh", "EN": "en", "Ru": "ru",
		"de": "en", "": "en", "-": "en", "rus": "en", "\x00": "en", "\xff-pt": "en",
	} {
		if got := captcha.Spoken(language); got != want {
			t.Errorf("Spoken(%q) = %q, want %q", language, got, want)
		}
	}
}

// The library draws the same in one process, which shows here that what is read aloud
// is the answer, in the language that Spoken names.
func TestEveryLanguageIsSpokenAsPromised(t *testing.T) {
	each(t, func(w *world) {
		c := w.open(alice)
		answer := digits(w.a.Answer(c.ID))
		english := wav(w, dchest.NewAudio(c.ID, answer, "en"))
		for _, language := range []string{"de", "ru-RU", "ZH", "ja", "pt_BR"} {
			sound, err := w.a.Audio(w.Context(), c.ID, language)
			if err != nil {
				w.Fatal(err)
			}
			w.wantWAV(sound)
			if !bytes.Equal(sound, wav(w, dchest.NewAudio(c.ID, answer, captcha.Spoken(language)))) {
				w.Errorf("in %q it is not the answer that is read", language)
			}
			if bytes.Equal(sound, english) != (language == "de") {
				w.Errorf("in %q it is read in the wrong language", language)
			}
		}
	})
}

func wav(w *world, drawing *dchest.Audio) []byte {
	w.Helper()
	var out bytes.Buffer
	if _, err := drawing.WriteTo(&out); err != nil {
		w.Fatal(err)
	}
	return out.Bytes()
}
