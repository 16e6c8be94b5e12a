package deliver

import (
	"context"
	"testing"
)

func BenchmarkCompose(b *testing.B) {
	m := letter(b, "outbox-42")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compose(from, morning, m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSend sends over one kept connection on loopback.
func BenchmarkSend(b *testing.B) {
	for _, mode := range []TLSMode{NoTLS, StartTLS} {
		b.Run(string(mode), func(b *testing.B) {
			var sink sink
			s := newSMTP(b, sink.start(b, mode))
			m := letter(b, "outbox-42")
			b.ReportAllocs()
			for b.Loop() {
				if err := s.SendEmail(context.Background(), m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
