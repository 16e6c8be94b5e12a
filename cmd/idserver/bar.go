package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// bar shows on a terminal how far a command is. Elsewhere it shows nothing.
type bar struct {
	out   io.Writer // nil: no terminal
	shown int       // how wide the line is that stands there
}

func newBar(out io.Writer) *bar {
	f, ok := out.(*os.File)
	if !ok {
		return &bar{}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &bar{}
	}
	return &bar{out: f}
}

func (b *bar) reading(rows int) { b.show(fmt.Sprintf("%d rows read", rows)) }

// barWidth is how many characters a full bar has.
const barWidth = 40

// progress shows how many of how many are done.
func (b *bar) progress(done, all int) {
	full := barWidth * done / max(1, all)
	b.show(fmt.Sprintf("[%s%s] %d of %d", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), done, all))
}

// show puts text over the one before.
func (b *bar) show(text string) {
	if b.out == nil {
		return
	}
	fmt.Fprintf(b.out, "\r%-*s", b.shown, text)
	b.shown = len(text)
}

// clear takes the line away.
func (b *bar) clear() {
	if b.out == nil || b.shown == 0 {
		return
	}
	fmt.Fprintf(b.out, "\r%*s\r", b.shown, "")
	b.shown = 0
}
