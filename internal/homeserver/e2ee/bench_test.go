package e2ee_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

// bench is a server on SQLite whose user Alice has so many devices.
func bench(b *testing.B, devices int) (*e2ee.Encryption, *land) {
	b.Helper()
	db := storetest.Open(b, storetest.SQLite(b), []string{"stream", "e2ee"})
	committer, err := stream.Open(b.Context(), db)
	if err != nil {
		b.Fatal(err)
	}
	l := &land{devices: map[matrix.UserID][]e2ee.KnownDevice{}, sharing: map[matrix.UserID][]matrix.UserID{}}
	e, err := e2ee.New(b.Context(), e2ee.Options{
		DB: db, Stream: committer, ServerName: server, Now: clocktest.New().Now, Devices: l, Rooms: l,
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- committer.Run(ctx) }()
	b.Cleanup(func() { stop(); <-ended })
	for i := range devices {
		p := e2eetest.NewPhone(alice, fmt.Sprint("D", i))
		l.devices[alice] = append(l.devices[alice], e2ee.KnownDevice{ID: e2ee.DeviceID(p.ID)})
		if _, err := e.Upload(b.Context(), device(p), e2ee.Upload{Device: p.Keys()}); err != nil {
			b.Fatal(err)
		}
	}
	return e, l
}

// BenchmarkSend is a request that shares a room key with so many devices.
func BenchmarkSend(b *testing.B) {
	for _, n := range []int{1, 20, 250} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e, l := bench(b, 0)
			m, content := e2ee.Messages{alice: {}}, raw(`{"algorithm":"m.olm.v1.curve25519-aes-sha2","ciphertext":{"x":"`+fmt.Sprintf("%01000d", 0)+`"}}`)
			for i := range n {
				id := e2ee.DeviceID(fmt.Sprint(i))
				l.devices[alice] = append(l.devices[alice], e2ee.KnownDevice{ID: id})
				m[alice][id] = content
			}
			for i := 0; b.Loop(); i++ {
				if err := e.Send(b.Context(), e2ee.Sending{Sender: e2ee.Device{User: bob, ID: "X"}, Type: "m.room.encrypted", TxnID: fmt.Sprint(i), Messages: m}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSendSideBySide is many senders, each to one device.
func BenchmarkSendSideBySide(b *testing.B) {
	e, l := bench(b, 0)
	l.devices[alice] = []e2ee.KnownDevice{{ID: "PHONE"}}
	var txn atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			err := e.Send(b.Context(), e2ee.Sending{Sender: e2ee.Device{User: bob, ID: "X"}, Type: "t", TxnID: fmt.Sprint(txn.Add(1)),
				Messages: e2ee.Messages{alice: {"PHONE": raw(`{"x":"y"}`)}}})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkChanges is what an incremental /sync asks when nothing is new.
func BenchmarkChanges(b *testing.B) {
	e, _ := bench(b, 1)
	to := e.Stream.Visible()
	for b.Loop() {
		if _, err := e.Changes(b.Context(), e2ee.Device{User: alice, ID: "D0"}, e2ee.Since{Pos: to, Messages: to}, to); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkQuery is the keys of one user with ten devices.
func BenchmarkQuery(b *testing.B) {
	e, _ := bench(b, 10)
	for b.Loop() {
		if keys, _, err := e.Query(b.Context(), bob, e2ee.Query{alice: {}}, time.Minute); err != nil || len(keys.Devices[alice]) != 10 {
			b.Fatal(keys, err)
		}
	}
}

// BenchmarkClaim is a key of each of 50 devices. New ones are uploaded between.
func BenchmarkClaim(b *testing.B) {
	const devices, batch = 50, 20
	e, _ := bench(b, devices)
	claims := e2ee.Claims{alice: {}}
	for i := range devices {
		claims[alice][e2ee.DeviceID(fmt.Sprint("D", i))] = "signed_curve25519"
	}
	for i := 0; b.Loop(); i++ {
		if i%batch == 0 {
			b.StopTimer()
			for n := range devices {
				p := e2eetest.NewPhone(alice, fmt.Sprint("D", n))
				if _, err := e.Upload(b.Context(), device(p), e2ee.Upload{OneTime: p.OneTimes(i, batch)}); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
		}
		claimed, err := e.ClaimHere(b.Context(), claims)
		if err != nil || len(claimed[alice]) != devices {
			b.Fatal(len(claimed[alice]), err)
		}
	}
}

// BenchmarkUpload is the keys of a new device with 50 one-time keys.
func BenchmarkUpload(b *testing.B) {
	e, l := bench(b, 0)
	p := e2eetest.NewPhone(alice, "PHONE")
	oneTime := p.OneTimes(0, 50)
	l.devices[alice] = []e2ee.KnownDevice{{ID: "PHONE"}}
	keys := p.Keys()
	for b.Loop() {
		if _, err := e.Upload(b.Context(), device(p), e2ee.Upload{Device: keys, OneTime: oneTime}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		l.devices[alice] = nil
		if err := e.DeleteDevice(b.Context(), device(p)); err != nil {
			b.Fatal(err)
		}
		l.devices[alice] = []e2ee.KnownDevice{{ID: "PHONE"}}
		b.StartTimer()
	}
}
