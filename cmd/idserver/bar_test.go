package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// A bar is for people: what goes to a file or a pipe has none.
func TestTheBarIsForTerminals(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := newBar(f)
	b.reading(1000)
	b.progress(1, 2)
	b.clear()
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("%v was written to a file, %v", info, err)
	}
	var out bytes.Buffer
	shown := &bar{out: &out}
	shown.reading(1000)
	shown.progress(0, 0)
	shown.progress(50, 100)
	shown.clear()
	want := "\r1000 rows read\r[                                        ] 0 of 0\r[====================                    ] 50 of 100\r" +
		strings.Repeat(" ", 52) + "\r"
	if out.String() != want {
		t.Errorf("the bar shows %q, want %q", out.String(), want)
	}
}
