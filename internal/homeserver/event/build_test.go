package event_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"signet/internal/homeserver/event"
)

// What Build makes, Parse reads as the same event.
func TestBuild(t *testing.T) {
	for _, v := range event.Versions() {
		for _, p := range events(v) {
			e := build(t, v, p)
			got, err := v.Parse(e.JSON())
			if err != nil || got.Redacted() || got.ID() != e.ID() || string(got.JSON()) != string(e.JSON()) || got.Verify(keys) != nil {
				t.Errorf("version %s: Parse(%s) = %v, %v", v, e.JSON(), got, err)
			}
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	bad := "\xff"
	long := strings.Repeat("é", 128)
	for _, v := range event.Versions() {
		for what, c := range map[string]struct {
			change func(p *event.Proto)
			want   error
		}{
			"no content":               {func(p *event.Proto) { p.Content = nil }, event.ErrJSON},
			"content that is no JSON":  {func(p *event.Proto) { p.Content = []byte(`{`) }, event.ErrJSON},
			"a float":                  {func(p *event.Proto) { p.Content = []byte(`{"a":1.5}`) }, event.ErrCanonical},
			"a large number":           {func(p *event.Proto) { p.Content = []byte(`{"a":9007199254740992}`) }, event.ErrCanonical},
			"a member twice":           {func(p *event.Proto) { p.Content = []byte(`{"a":1,"a":1}`) }, event.ErrDuplicate},
			"a type that is no text":   {func(p *event.Proto) { p.Type = bad }, event.ErrJSON},
			"a type of 256 octets":     {func(p *event.Proto) { p.Type = long }, event.ErrFieldLength},
			"a key of 256 octets":      {func(p *event.Proto) { p.StateKey = &long }, event.ErrFieldLength},
			"a time beyond JSON":       {func(p *event.Proto) { p.OriginServerTS = math.MaxInt64 }, event.ErrCanonical},
			"no sender":                {func(p *event.Proto) { p.Sender = "" }, event.ErrSender},
			"no room":                  {func(p *event.Proto) { p.RoomID = "" }, event.ErrRoomID},
			"a room without an opaque": {func(p *event.Proto) { p.RoomID = "!:x.org" }, event.ErrRoomID},
			"a negative depth":         {func(p *event.Proto) { p.Depth = -1 }, event.ErrDepth},
			"an unknown reference": {func(p *event.Proto) { p.PrevEvents = []string{"$nothing"} },
				map[bool]error{true: event.ErrReference, false: event.ErrEventID}[v.EventIDInEvent()]},
		} {
			p := message(v)
			c.change(&p)
			if e, err := v.Build(p, ours); !errors.Is(err, c.want) || e != nil {
				t.Errorf("version %s: Build with %s = %v, %v; want %v", v, what, e, err, c.want)
			}
		}
	}
}

// At the limit of depth, a room goes on at the limit.
func TestBuildCutsDepth(t *testing.T) {
	for _, v := range event.Versions() {
		p := message(v)
		p.Depth = math.MaxInt64
		if e := build(t, v, p); e.Depth() != 1<<53-1 {
			t.Errorf("version %s: depth = %d", v, e.Depth())
		}
	}
}
