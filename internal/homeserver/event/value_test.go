package event_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/event"
)

func TestValue(t *testing.T) {
	v := event.Value(`{"a":{"b":"x\n\"y"},"c":[1,"two",{"d":[]},null],"é\"":true,"n":null}`)
	if text, ok := v.Field("a").Field("b").Text(); text != "x\n\"y" || !ok {
		t.Errorf("a.b = %q, %t", text, ok)
	}
	list, ok := v.Field("c").Elements()
	if got := fmt.Sprintf("%s", list); !ok || got != `[1 "two" {"d":[]} null]` {
		t.Errorf("c = %s, %t", got, ok)
	}
	names := ""
	for name, value := range v.Members() {
		names += name + "=" + string(value) + ";"
	}
	if want := `a={"b":"x\n\"y"};c=[1,"two",{"d":[]},null];é"=true;n=null;`; names != want {
		t.Errorf("members = %s, want %s", names, want)
	}
	for range v.Members() {
		break
	}
	if got := string(v.Without("a", "n")); got != `{"c":[1,"two",{"d":[]},null],"é\"":true}` {
		t.Errorf("without a and n = %s", got)
	}
	if !v.Field("n").Exists() || v.Field("m").Exists() || v.Field("n").IsObject() || !v.Field("a").IsObject() {
		t.Error("what is there and what is not are confused")
	}
	for _, other := range []event.Value{nil, event.Value(`1`), event.Value(`"a"`), event.Value(`[]`), event.Value(`{`), event.Value(`{"a"`), event.Value(`{"a":`), event.Value(``)} {
		if other.Field("a").Exists() || string(other.Without("a")) != "{}" {
			t.Errorf("%s has a member", other)
		}
		if _, ok := other.Elements(); ok != (string(other) == "[]") {
			t.Errorf("elements of %s: %t", other, ok)
		}
	}
}

// A string ends at the first quotation mark with an even number of backslashes before it.
func TestBackslashes(t *testing.T) {
	for n := range 6 {
		text := strings.Repeat(`\`, n)
		escaped, err := json.Marshal(text + `"` + text)
		if err != nil {
			t.Fatal(err)
		}
		v := event.Value(fmt.Sprintf(`{"a":%s,"b":1}`, escaped))
		if got, _ := v.Field("a").Text(); got != text+`"`+text || string(v.Field("b")) != "1" {
			t.Errorf("in %s a is %s", v, got)
		}
		if open := v[:len(v)-len(`","b":1}`)]; open.Field("a").Exists() {
			t.Errorf("%s has a member", open)
		}
	}
}

func TestStateMap(t *testing.T) {
	room := event.StateMap{}
	topic, talk := build(t, event.V11, state(event.V11, "m.room.topic", "", `{"topic":"x"}`)), build(t, event.V11, message(event.V11))
	room.Add(topic)
	room.Add(talk)
	if len(room) != 1 || room.Event("m.room.topic", "") != topic || room.Event("m.room.message", "") != nil || room.Event("m.room.topic", "x") != nil {
		t.Errorf("state = %v", room)
	}
	if !topic.Is("m.room.topic", "") || topic.Is("m.room.topic", "x") || topic.Is("m.room.name", "") || talk.Is("m.room.message", "") {
		t.Error("Is takes one event for another")
	}
	if text, ok := topic.Field("topic").Text(); text != "x" || !ok || topic.Field("x").Exists() {
		t.Errorf("topic = %q, %t", text, ok)
	}
}
