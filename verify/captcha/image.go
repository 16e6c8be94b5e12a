package captcha

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"image/png"
	"sync"

	dchest "github.com/dchest/captcha"
)

// Width and Height are the size of every picture, in pixels.
const (
	Width  = 240
	Height = 80
)

// Image is the challenge's picture as a PNG, the same from every replica. Errors:
// ErrUnknown, ErrExpired, ErrDead.
func (c *Captcha) Image(ctx context.Context, id string) ([]byte, error) {
	if _, err := c.Find(ctx, id); err != nil {
		return nil, err
	}
	image, err := c.picture(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("reading a picture: %w", err)
	}
	return image, nil
}

// picture opens the picture of a challenge in whatever state.
func (c *Captcha) picture(ctx context.Context, id string) ([]byte, error) {
	sealed, err := selectImage(ctx, c.DB, id)
	if err != nil {
		return nil, err
	}
	return c.pictures.Open(sealed, []byte(id))
}

// encoder trades a fifth of the size for a third of the time.
var encoder = png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: new(buffers)}

// drawImage draws the digits in the palette's colour 1 on colour 0. The library gives
// every process noise of its own, so two drawings of one answer differ.
func drawImage(id string, digits []byte) ([]byte, error) {
	drawing := dchest.NewImage(id, digits, Width, Height)
	drawing.Palette[0] = color.White // instead of clear: dark digits on a dark page cannot be read
	drawing.Palette[1] = darker(drawing.Palette[1])
	var out bytes.Buffer
	err := encoder.Encode(&out, drawing.Paletted)
	return out.Bytes(), err
}

// darker takes a quarter of the light away, so that the palest digits that are drawn
// keep a contrast of 4.5 to 1 (WCAG 2.2, 1.4.3).
func darker(c color.Color) color.Color {
	r, g, b, _ := c.RGBA()
	return color.RGBA64{R: uint16(r / 4 * 3), G: uint16(g / 4 * 3), B: uint16(b / 4 * 3), A: 0xffff}
}

// buffers is a png.EncoderBufferPool.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() *png.EncoderBuffer {
	buffer, _ := b.pool.Get().(*png.EncoderBuffer)
	return buffer // nil where there is none: the encoder makes one
}

func (b *buffers) Put(buffer *png.EncoderBuffer) { b.pool.Put(buffer) }
