package value_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"signet/keys/entry"
	"signet/keys/value"
)

func TestAssociation(t *testing.T) {
	bound := object{"address": "alice@example.com", "medium": "email", "mxid": "@alice:example.com", "not_before": now.UnixMilli(), "not_after": now.Add(time.Hour).UnixMilli(), "ts": now.UnixMilli()}
	parse := func(o object) *value.Association {
		signed, err := server.Sign(serverName, o.json(t))
		if err != nil {
			t.Fatal(err)
		}
		v, err := value.Parse(signed)
		if err != nil {
			t.Fatal(err)
		}
		return v.(*value.Association)
	}
	a := parse(bound)
	if a.MXID != "@alice:example.com" || a.CheckServer(serverName, serverKeys) != nil || a.ValidAt(now, 0) != nil || !errors.Is(a.ValidAt(now.Add(2*time.Hour), 0), value.ErrExpired) {
		t.Errorf("a binding is %+v", a)
	}
	label, err := entry.ParseLabel("email:alice@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.About(label, 0); !errors.Is(err, value.ErrOther) {
		t.Errorf("a binding stands for the keys of its address: %v", err)
	}
	if label, err = entry.ParseLabel("binding:email:alice@example.com"); err != nil {
		t.Fatal(err)
	}
	if err := a.About(label, 7); err != nil {
		t.Errorf("a binding does not stand for who is behind its address: %v", err)
	}
	bound["mxid"] = nil
	if a := parse(bound); a.MXID != "" || a.CheckServer(serverName, serverKeys) != nil || a.ValidAt(now.Add(2*time.Hour), 0) != nil {
		t.Errorf("an unbinding is %+v", a)
	}
	for name, change := range map[string]func(object){
		"no mxid": func(o object) { delete(o, "mxid") }, "more": func(o object) { o["x"] = 1 }, "no ts": func(o object) { delete(o, "ts") },
		"binding of a binding":   func(o object) { o["medium"], o["address"] = "binding", "email:alice@example.com" },
		"user id for an address": func(o object) { o["medium"], o["address"] = "mxid", "@a:b.c" }, "address not canonical": func(o object) { o["address"] = "Alice@example.com" },
		"mxid of nobody": func(o object) { o["mxid"] = "" },
	} {
		o := maps.Clone(bound)
		change(o)
		if _, err := value.Parse(o.json(t)); !errors.Is(err, value.ErrValue) {
			t.Errorf("%s: %v, want ErrValue", name, err)
		}
	}
}

func TestTombstone(t *testing.T) {
	stone, err := value.NewTombstone(7, now)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"ts":1763700000000,"type":"im.signet.keys.erased.v1","version":7}`; string(stone.JSON()) != want {
		t.Errorf("a tombstone is %s, want %s", stone.JSON(), want)
	}
	v, err := value.Parse(stone.JSON())
	if err != nil || v.About(entry.Label{}, 7) != nil || v.ValidAt(now, 0) != nil || !errors.Is(v.About(entry.Label{}, 8), value.ErrOther) {
		t.Errorf("Parse = %v, %v", v, err)
	}
	if _, err := value.Parse([]byte(`{"label":"email:alice@example.com","ts":1,"type":"im.signet.keys.erased.v1","version":7}`)); !errors.Is(err, value.ErrValue) {
		t.Errorf("a tombstone that names somebody: %v", err)
	}
	if _, err := value.Parse([]byte(`{"type":"im.signet.keys.user.v2"}`)); !errors.Is(err, value.ErrValue) {
		t.Errorf("a type of another day: %v", err)
	}
}
