package main

import (
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	got := table([]row{
		{name: "ping", bar: "20,000/s", peer: "3,300/s", figures: figures{rate: 21_034.4, p50: 312 * time.Microsecond,
			p99: 1234 * time.Microsecond, server: 1.234, client: 0.5, residentKB: 40_960}},
		{name: "quota", per: 12_340 * time.Microsecond},
		{name: "captcha", note: "the server answered 500"},
	})
	want := "" +
		"  MEASUREMENT       BAR     PEER      RATE      P50      P99     RSS  SERVER CPU  CLIENT CPU\n" +
		"         ping  20,000/s  3,300/s  21,034/s   312 µs  1.23 ms  40 MiB        1.23        0.50\n" +
		"        quota         -        -         -  12.3 ms        -       -           -           -\n" +
		"      captcha         -        -         -        -        -       -           -           -\n" +
		"captcha was not measured: the server answered 500\n"
	if got != want {
		t.Errorf("table =\n%swant\n%s", got, want)
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                         "0.00 µs",
		1500 * time.Nanosecond:    "1.50 µs",
		9996 * time.Nanosecond:    "10.0 µs",
		99_960 * time.Nanosecond:  "100 µs",
		999 * time.Microsecond:    "999 µs",
		time.Millisecond:          "1.00 ms",
		24_560 * time.Microsecond: "24.6 ms",
		999 * time.Millisecond:    "999 ms",
		90 * time.Second:          "90.0 s",
	} {
		if got := brief(d); got != want {
			t.Errorf("brief(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestThousands(t *testing.T) {
	for rate, want := range map[float64]string{
		0: "0.0", 3.14: "3.1", 99.94: "99.9", 99.96: "100", 999: "999", 1000: "1,000", 20_034.6: "20,035", 1_234_567: "1,234,567",
	} {
		if got := thousands(rate); got != want {
			t.Errorf("thousands(%v) = %q, want %q", rate, got, want)
		}
	}
}
