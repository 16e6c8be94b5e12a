package main

import (
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	other := figures{rate: 3505.733, p50: 3120 * time.Microsecond, residentKB: 400_000}
	got := table([]row{
		{name: "ping", bar: "20,000/s", peer: "3,300/s", figures: figures{rate: 21_034.4, p50: 312 * time.Microsecond,
			p99: 1234 * time.Microsecond, each: 60 * time.Microsecond, server: 1.234, client: 0.5, others: 0.1, residentKB: 40_960}},
		{name: "ratio", figures: figures{rate: 21_034.4, p50: 312 * time.Microsecond, p99: 1234 * time.Microsecond, residentKB: 40_960}, by: &other},
		{name: "quota", per: 12_340 * time.Microsecond},
		{name: "start-up", figures: figures{p50: time.Second, p99: time.Second}},
		{name: "captcha", note: "the server answered 500"},
	})
	want := "" +
		"  MEASUREMENT       BAR     PEER      RATE      P50      P99     RSS  CPU EACH  SERVER CPU  CLIENT CPU  OTHERS\n" +
		"         ping  20,000/s  3,300/s  21,034/s   312 µs  1.23 ms  40 MiB   60.0 µs        1.23        0.50    0.10\n" +
		"        ratio         -        -        6×     0.1×        -  0.102×         -           -           -       -\n" +
		"        quota         -        -         -  12.3 ms        -       -         -           -           -       -\n" +
		"     start-up         -        -         -   1.00 s   1.00 s       -         -        0.00        0.00    0.00\n" +
		"      captcha         -        -         -        -        -       -         -           -           -       -\n" +
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
