package main

import (
	"testing"
	"time"
)

func TestParseResident(t *testing.T) {
	got, err := parseResident("Name:\tVmRSS: 1 kB\nVmHWM:\t   90000 kB\nVmRSS:\t   41234 kB\nRssAnon:\t 1 kB\n")
	if err != nil || got != 41234 {
		t.Errorf("parseResident = %d, %v, want 41234", got, err)
	}
	for _, bad := range []string{"", "VmHWM:\t 1 kB\n", "\nVmRSS:\tmuch kB\n", "\nVmRSS:\t 1"} {
		if got, err := parseResident(bad); err == nil {
			t.Errorf("parseResident(%q) = %d, want an error", bad, got)
		}
	}
}

func TestParseBusy(t *testing.T) {
	got, err := parseBusy("42 (a (bad) name) S 1 42 42 0 -1 4194560 500 0 0 0 150 75 0 0 20 0 9 0 100 1 2")
	if err != nil || got != 2250*time.Millisecond {
		t.Errorf("parseBusy = %v, %v, want 2.25s", got, err)
	}
	for _, bad := range []string{"", "42 (idserver) S 1 2 3", "42 (x) S 1 42 42 0 -1 0 5 0 0 0 much 75 0", "42 (x) S 1 42 42 0 -1 0 5 0 0 0 1 much 0"} {
		if got, err := parseBusy(bad); err == nil {
			t.Errorf("parseBusy(%q) = %v, want an error", bad, got)
		}
	}
}

func TestParseMachineBusy(t *testing.T) {
	got, err := parseMachineBusy("cpu  100 20 30 9999 8888 4 5 6 77 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
	if err != nil || got != 1650*time.Millisecond {
		t.Errorf("parseMachineBusy = %v, %v, want 1.65s", got, err)
	}
	for _, bad := range []string{"", "cpu0 1 2 3 4 5 6 7 8 9 10", "cpu 1 2 3 4", "cpu 1 2 3 4 5 much 7 8 9 10"} {
		if got, err := parseMachineBusy(bad); err == nil {
			t.Errorf("parseMachineBusy(%q) = %v, want an error", bad, got)
		}
	}
}

// What a process has used and holds can be read of this one, too.
func TestOwnBusy(t *testing.T) {
	before, err := ownBusy()
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; { // others may have the processors meanwhile
		after, err := ownBusy()
		if after > before {
			return
		}
		if err != nil || time.Since(began) > time.Minute {
			t.Fatalf("a minute of work: from %v to %v, %v", before, after, err)
		}
	}
}
