package push_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/push"
	"signet/internal/matrix"
)

const alice matrix.UserID = "@alice:example.org"

// said is one of bob's, with those members in addition.
func said(t *testing.T, members string) *push.Event {
	t.Helper()
	var all map[string]any
	base := `{"type":"m.room.message","sender":"@bob:example.org","room_id":"!room:example.org","content":{"msgtype":"m.text","body":"hello"}}`
	for _, part := range []string{base, members} {
		if err := json.Unmarshal([]byte(part), &all); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	e, err := newEvent(raw)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// newEvent reads an event in the format of clients.
func newEvent(text []byte) (*push.Event, error) {
	canonical, err := event.Canonical(text, false)
	if err != nil {
		return nil, err
	}
	v := event.Value(canonical)
	word := func(name string) string {
		text, _ := v.Field(name).Text()
		return text
	}
	p := push.Parts{ID: word("event_id"), Room: word("room_id"), Sender: word("sender"), Type: word("type"), Content: v.Field("content")}
	if key, isText := v.Field("state_key").Text(); isText {
		p.StateKey = &key
	}
	p.OriginServerTS, _ = strconv.ParseInt(string(v.Field("origin_server_ts")), 10, 64)
	return p.Event()
}

// group is a room of ten, in which bob may notify nobody but "everybody".
var group = push.Place{Members: 10, DisplayName: "Alice Liddell", SenderMayNotify: func(key string) bool { return key == "everybody" }}

// with is the group changed.
func with(change func(*push.Place)) push.Place {
	p := group
	change(&p)
	return p
}

func admin(p *push.Place) { p.SenderMayNotify = func(key string) bool { return key == "room" } }

func TestTheDefaultRules(t *testing.T) {
	two := with(func(p *push.Place) { p.Members = 2 })
	for name, test := range map[string]struct {
		event string
		in    push.Place
		want  string // notify, highlight and sound
	}{
		"a message":                        {`{}`, group, "notify"},
		"a message between two":            {`{}`, two, "notify default"},
		"a notice":                         {`{"content":{"msgtype":"m.notice","body":"alice"}}`, group, ""},
		"an encrypted message":             {`{"type":"m.room.encrypted","content":{}}`, group, "notify"},
		"an encrypted one between two":     {`{"type":"m.room.encrypted","content":{}}`, two, "notify default"},
		"a call":                           {`{"type":"m.call.invite","content":{}}`, group, "notify ring"},
		"an invitation":                    {`{"type":"m.room.member","state_key":"@alice:example.org","content":{"membership":"invite"}}`, group, "notify default"},
		"an invitation of another":         {`{"type":"m.room.member","state_key":"@carol:example.org","content":{"membership":"invite"}}`, group, ""},
		"the user's name":                  {`{"content":{"body":"hello, Alice!"}}`, group, "notify highlight default"},
		"within a word":                    {`{"content":{"body":"malice"}}`, group, "notify"},
		"the display name":                 {`{"content":{"body":"ALICE LIDDELL?"}}`, group, "notify highlight default"},
		"a name, but others are meant":     {`{"content":{"body":"alice","m.mentions":{}}}`, group, "notify"},
		"who is meant":                     {`{"content":{"body":"you","m.mentions":{"user_ids":["@x:y","@alice:example.org"]}}}`, group, "notify highlight default"},
		"the room, by one without power":   {`{"content":{"body":"@room","m.mentions":{"room":true}}}`, group, "notify"},
		"the room":                         {`{"content":{"body":"x","m.mentions":{"room":true}}}`, with(admin), "notify highlight"},
		"the room, as it was once written": {`{"content":{"body":"hey @room: lunch"}}`, with(admin), "notify highlight"},
		"room as a string":                 {`{"content":{"body":"x","m.mentions":{"room":"true"}}}`, with(admin), "notify"},
		"a tombstone":                      {`{"type":"m.room.tombstone","state_key":"","content":{}}`, group, "notify highlight"},
		"a tombstone that is no state":     {`{"type":"m.room.tombstone","content":{}}`, group, ""},
		"a reaction":                       {`{"type":"m.reaction","content":{"body":"alice"}}`, group, ""},
		"an access list":                   {`{"type":"m.room.server_acl","state_key":"","content":{}}`, group, ""},
		"an edit":                          {`{"content":{"body":"* fixed","m.relates_to":{"rel_type":"m.replace"}}}`, group, ""},
		"a thermometer":                    {`{"type":"org.example.celsius","content":{"value":21}}`, group, ""},
		"one's own message":                {`{"sender":"@alice:example.org","content":{"body":"alice"}}`, group, ""},
		"a body that is no text":           {`{"content":{"body":["alice"]}}`, group, "notify"},
	} {
		t.Run(name, func(t *testing.T) {
			rules := push.Settings{}.Ruleset(alice).Compile(alice)
			if got := told(rules.Evaluate(said(t, test.event), test.in)); got != test.want {
				t.Errorf("told %q, want %q", got, test.want)
			}
		})
	}
}

// told is a verdict in words.
func told(v push.Verdict) string {
	var words []string
	if v.Notify {
		words = append(words, "notify")
	}
	if v.Highlight {
		words = append(words, "highlight")
	}
	for _, a := range v.Actions {
		if a.Tweak == "sound" {
			words = append(words, strings.Trim(string(a.Value), `"`))
		}
	}
	return strings.Join(words, " ")
}

// put adds a rule, as a client writes it.
func put(t *testing.T, s *push.Settings, kind push.Kind, id, body string) error {
	t.Helper()
	var r push.Rule
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		return err
	}
	r.ID = id
	return s.Put(kind, r, "", "")
}

func TestConditions(t *testing.T) {
	for name, test := range map[string]struct {
		condition, event string
		in               push.Place
		want             bool
	}{
		"the specification's lunch":  {`{"kind":"event_match","key":"content.topic","pattern":"lunc?*"}`, `{"content":{"topic":"Lunch plans"}}`, group, true},
		"* for nothing":              {`{"kind":"event_match","key":"content.topic","pattern":"lunc?*"}`, `{"content":{"topic":"LUNCH"}}`, group, true},
		"a space before":             {`{"kind":"event_match","key":"content.topic","pattern":"lunc?*"}`, `{"content":{"topic":" lunch"}}`, group, false},
		"? for nothing":              {`{"kind":"event_match","key":"content.topic","pattern":"lunc?*"}`, `{"content":{"topic":"lunc"}}`, group, false},
		"null":                       {`{"kind":"event_match","key":"content.topic","pattern":"*"}`, `{"content":{"topic":null}}`, group, false},
		"nothing there":              {`{"kind":"event_match","key":"content.topic","pattern":"*"}`, `{}`, group, false},
		"* over a line":              {`{"kind":"event_match","key":"content.topic","pattern":"a*z"}`, `{"content":{"topic":"a\nz"}}`, group, true},
		"signs of expressions":       {`{"kind":"event_match","key":"content.topic","pattern":"[a-z]+.(x)*"}`, `{"content":{"topic":"[A-Z]+.(X)yz"}}`, group, true},
		"are no expressions":         {`{"kind":"event_match","key":"content.topic","pattern":"[a-z]+*"}`, `{"content":{"topic":"abc"}}`, group, false},
		"words with a star":          {`{"kind":"event_match","key":"content.body","pattern":"ex*ple"}`, `{"content":{"body":"An exciting triple-whammy"}}`, group, true},
		"the star for nothing":       {`{"kind":"event_match","key":"content.body","pattern":"ex*ple"}`, `{"content":{"body":"exple"}}`, group, true},
		"no word":                    {`{"kind":"event_match","key":"content.body","pattern":"ex*ple"}`, `{"content":{"body":"counterexamples"}}`, group, false},
		"a word at the end":          {`{"kind":"event_match","key":"content.body","pattern":"cake"}`, `{"content":{"body":"cheesecake, and cake"}}`, group, true},
		"an umlaut is no word sign":  {`{"kind":"event_match","key":"content.body","pattern":"cake"}`, `{"content":{"body":"ücake"}}`, group, true},
		"a dot in a name":            {`{"kind":"event_property_is","key":"content.m\\.federate","value":true}`, `{"content":{"m.federate":true}}`, group, true},
		"without the backslash":      {`{"kind":"event_property_is","key":"content.m.federate","value":true}`, `{"content":{"m.federate":true}}`, group, false},
		"a backslash in a name":      {`{"kind":"event_property_is","key":"content.a\\\\b","value":1}`, `{"content":{"a\\b":1}}`, group, true},
		"types are not cast":         {`{"kind":"event_property_is","key":"content.n","value":1}`, `{"content":{"n":true}}`, group, false},
		"an integer":                 {`{"kind":"event_property_is","key":"content.n","value":9007199254740991}`, `{"content":{"n":9007199254740991}}`, group, true},
		"its neighbour":              {`{"kind":"event_property_is","key":"content.n","value":9007199254740991}`, `{"content":{"n":9007199254740990}}`, group, false},
		"null is null":               {`{"kind":"event_property_is","key":"content.n","value":null}`, `{"content":{"n":null}}`, group, true},
		"absence is not null":        {`{"kind":"event_property_is","key":"content.n","value":null}`, `{}`, group, false},
		"an object is nothing":       {`{"kind":"event_property_is","key":"content","value":null}`, `{}`, group, false},
		"an alias":                   {`{"kind":"event_property_contains","key":"content.alt","value":"#a:b"}`, `{"content":{"alt":["#x:y","#a:b"]}}`, group, true},
		"part of an alias":           {`{"kind":"event_property_contains","key":"content.alt","value":":b"}`, `{"content":{"alt":["#a:b"]}}`, group, false},
		"no list":                    {`{"kind":"event_property_contains","key":"content.alt","value":"#a:b"}`, `{"content":{"alt":"#a:b"}}`, group, false},
		"objects in it":              {`{"kind":"event_property_contains","key":"content.alt","value":1}`, `{"content":{"alt":[{},[],1.5,1]}}`, group, true},
		"ten members":                {`{"kind":"room_member_count","is":"10"}`, `{}`, group, true},
		"fewer than ten":             {`{"kind":"room_member_count","is":"<10"}`, `{}`, group, false},
		"ten at most":                {`{"kind":"room_member_count","is":"<=10"}`, `{}`, group, true},
		"more than nine":             {`{"kind":"room_member_count","is":">9"}`, `{}`, group, true},
		"power for another key":      {`{"kind":"sender_notification_permission","key":"everybody"}`, `{}`, group, true},
		"no power":                   {`{"kind":"sender_notification_permission","key":"room"}`, `{}`, group, false},
		"a kind that nobody knows":   {`{"kind":"org.example.moon_phase","is":"full"}`, `{}`, group, false},
		"nobody has no display name": {`{"kind":"contains_display_name"}`, `{"content":{"body":""}}`, with(func(p *push.Place) { p.DisplayName = "" }), false},
	} {
		t.Run(name, func(t *testing.T) {
			var s push.Settings
			if err := put(t, &s, push.Override, "mine", `{"actions":["notify",{"set_tweak":"sound","value":"mine"}],"conditions":[`+test.condition+`]}`); err != nil {
				t.Fatal(err)
			}
			verdict := s.Ruleset(alice).Compile(alice).Evaluate(said(t, test.event), test.in)
			if got := strings.Contains(told(verdict), "mine"); got != test.want {
				t.Errorf("held: %v, want %v", got, test.want)
			}
		})
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	long := strings.Repeat("x", 256)
	for name, test := range map[string]struct {
		kind     push.Kind
		id, body string
		want     error
	}{
		"a default's name":         {push.Override, ".mine", `{"actions":[]}`, push.ErrRuleID},
		"a slash":                  {push.Override, "a/b", `{"actions":[]}`, push.ErrRuleID},
		"a backslash":              {push.Override, `a\b`, `{"actions":[]}`, push.ErrRuleID},
		"no name":                  {push.Override, "", `{"actions":[]}`, push.ErrRuleID},
		"a long name":              {push.Override, long, `{"actions":[]}`, push.ErrRuleID},
		"no pattern":               {push.Content, "a", `{"actions":[]}`, push.ErrPattern},
		"a long pattern":           {push.Content, "a", `{"actions":[],"pattern":"` + long + `"}`, push.ErrPattern},
		"a number as action":       {push.Override, "a", `{"actions":[1]}`, push.ErrAction},
		"an object without tweak":  {push.Override, "a", `{"actions":[{}]}`, push.ErrAction},
		"too many actions":         {push.Override, "a", `{"actions":["x"` + strings.Repeat(`,"x"`, 20) + `]}`, push.ErrAction},
		"no kind of condition":     {push.Override, "a", `{"actions":[],"conditions":[{}]}`, push.ErrCondition},
		"a match without pattern":  {push.Override, "a", `{"actions":[],"conditions":[{"kind":"event_match","key":"type"}]}`, push.ErrCondition},
		"a match without key":      {push.Override, "a", `{"actions":[],"conditions":[{"kind":"event_match","pattern":"x"}]}`, push.ErrCondition},
		"an object to compare to":  {push.Override, "a", `{"actions":[],"conditions":[{"kind":"event_property_is","key":"type","value":{}}]}`, push.ErrCondition},
		"nothing to compare to":    {push.Override, "a", `{"actions":[],"conditions":[{"kind":"event_property_is","key":"type"}]}`, push.ErrCondition},
		"a count that is none":     {push.Override, "a", `{"actions":[],"conditions":[{"kind":"room_member_count","is":"=>2"}]}`, push.ErrCondition},
		"a negative count":         {push.Override, "a", `{"actions":[],"conditions":[{"kind":"room_member_count","is":"-2"}]}`, push.ErrCondition},
		"an enormous count":        {push.Override, "a", `{"actions":[],"conditions":[{"kind":"room_member_count","is":"99999999999999999999"}]}`, push.ErrCondition},
		"more than can be checked": {push.Override, "a", `{"actions":[],"conditions":[` + strings.Repeat(`{"kind":"contains_display_name"},`, 20) + `{"kind":"contains_display_name"}]}`, push.ErrCondition},
	} {
		t.Run(name, func(t *testing.T) {
			var s push.Settings
			if err := put(t, &s, test.kind, test.id, test.body); !errors.Is(err, test.want) {
				t.Errorf("Put = %v, want %v", err, test.want)
			}
			if diff := cmp.Diff(push.Settings{}.Ruleset(alice), s.Ruleset(alice)); diff != "" {
				t.Errorf("something was changed:\n%s", diff)
			}
		})
	}
}

// ids are the user's own rules of a kind, in their order.
func ids(s push.Settings, kind push.Kind) (own []string) {
	for _, r := range s.Ruleset(alice)[kind] {
		if !r.Default {
			own = append(own, r.ID)
		}
	}
	return own
}

func TestTheOrderOfRules(t *testing.T) {
	var s push.Settings
	add := func(id, before, after string) error {
		return s.Put(push.Content, push.Rule{ID: id, Pattern: id}, before, after)
	}
	for _, step := range []struct {
		id, before, after string
		want              string
		err               error
	}{
		{"a", "", "", "a", nil},
		{"b", "", "", "b a", nil},
		{"c", "a", "", "b c a", nil},
		{"d", "", "b", "b d c a", nil},
		{"a", "", "", "b d c a", nil},
		{"a", "b", "c", "a b d c", nil},
		{"b", "", "c", "a d c b", nil},
		{"e", "nobody", "", "a d c b", push.ErrAnchor},
		{"e", "", ".m.rule.contains_user_name", "a d c b", push.ErrAnchor},
		{"a", "a", "", "a d c b", push.ErrAnchor},
	} {
		if err := add(step.id, step.before, step.after); !errors.Is(err, step.err) {
			t.Errorf("Put of %q before %q after %q = %v, want %v", step.id, step.before, step.after, err, step.err)
		}
		if got := strings.Join(ids(s, push.Content), " "); got != step.want {
			t.Errorf("after %q before %q after %q the order is %q, want %q", step.id, step.before, step.after, got, step.want)
		}
	}
	if err := s.Delete(push.Content, "d"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ids(s, push.Content), " "); got != "a c b" {
		t.Errorf("after Delete the order is %q", got)
	}
	for _, id := range []string{"d", ".m.rule.contains_user_name"} {
		if err := s.Delete(push.Content, id); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("Delete(%q) = %v, want %v", id, err, push.ErrNotFound)
		}
	}
}

// A user's rules come before the defaults, and the master before all.
func TestTheMasterRule(t *testing.T) {
	var s push.Settings
	if err := put(t, &s, push.Override, "loud", `{"actions":["notify"]}`); err != nil {
		t.Fatal(err)
	}
	overrides := s.Ruleset(alice)[push.Override]
	if overrides[0].ID != ".m.rule.master" || overrides[1].ID != "loud" {
		t.Errorf("the order is %q, %q", overrides[0].ID, overrides[1].ID)
	}
	notice := said(t, `{"content":{"msgtype":"m.notice","body":"x"}}`)
	if !s.Ruleset(alice).Compile(alice).Evaluate(notice, group).Notify {
		t.Error("the user's rule does not come before the defaults")
	}
	if err := s.Enable(alice, push.Override, ".m.rule.master", true); err != nil {
		t.Fatal(err)
	}
	if s.Ruleset(alice).Compile(alice).Evaluate(notice, group).Notify {
		t.Error("the master rule does not come first")
	}
}

func TestSwitchingAndChangingRules(t *testing.T) {
	var s push.Settings
	if err := put(t, &s, push.Room, "!room:example.org", `{"actions":["dont_notify"],"conditions":[{"kind":"x"}],"pattern":"x"}`); err != nil {
		t.Fatal(err)
	}
	r, err := s.Ruleset(alice).Find(push.Room, "!room:example.org")
	if err != nil || len(r.Actions) != 1 || r.Actions[0].Word != "dont_notify" || r.Conditions != nil || r.Pattern != "" || !r.Enabled {
		t.Errorf("the rule is %+v, %v", r, err)
	}
	evaluate := func() string {
		return told(s.Ruleset(alice).Compile(alice).Evaluate(said(t, `{"content":{"body":"alike"}}`), group))
	}
	if got := evaluate(); got != "" {
		t.Errorf("a muted room told %q", got)
	}
	if err := s.Enable(alice, push.Room, "!room:example.org", false); err != nil {
		t.Fatal(err)
	}
	if got := evaluate(); got != "notify" {
		t.Errorf("a room that is muted no more told %q", got)
	}
	if err := put(t, &s, push.Room, "!room:example.org", `{"actions":[]}`); err != nil {
		t.Fatal(err)
	}
	if got := evaluate(); got != "notify" {
		t.Error("changing a rule has switched it on")
	}
	if err := s.SetActions(alice, push.Underride, ".m.rule.message", []push.Action{{Word: "notify"}, {Tweak: "highlight", Value: json.RawMessage("false")}, {Tweak: "sound", Value: json.RawMessage(`"bing"`)}}); err != nil {
		t.Fatal(err)
	}
	if got := evaluate(); got != "notify bing" {
		t.Errorf("a default with other actions told %q", got)
	}
	for _, id := range []string{"nobody", ".m.rule.nobody"} {
		if err := s.Enable(alice, push.Override, id, true); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("Enable(%q) = %v, want %v", id, err, push.ErrNotFound)
		}
		if err := s.SetActions(alice, push.Override, id, nil); !errors.Is(err, push.ErrNotFound) {
			t.Errorf("SetActions(%q) = %v, want %v", id, err, push.ErrNotFound)
		}
	}
}

func TestSettingsAreKept(t *testing.T) {
	var s push.Settings
	for kind, body := range map[push.Kind]string{
		push.Override: `{"actions":["notify",{"set_tweak":"sound","value":"x"},{"set_tweak":"highlight"}],"conditions":[{"kind":"event_match","key":"state_key","pattern":""},{"kind":"room_member_count","is":"<=3"},{"kind":"org.example","value":null}]}`,
		push.Content:  `{"actions":[],"pattern":"cake*lie"}`,
		push.Sender:   `{"actions":[]}`,
	} {
		if err := put(t, &s, kind, "mine", body); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Enable(alice, push.Underride, ".m.rule.call", false); err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	read, err := push.ParseSettings(stored)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Ruleset(alice), read.Ruleset(alice)); diff != "" {
		t.Errorf("what was read is not what was written:\n%s", diff)
	}
	if _, err := push.ParseSettings([]byte(`{"own":1}`)); err == nil {
		t.Error("nonsense was read")
	}
}

func TestParseKind(t *testing.T) {
	for _, kind := range []push.Kind{push.Override, push.Content, push.Room, push.Sender, push.Underride} {
		if got, err := push.ParseKind(string(kind)); got != kind || err != nil {
			t.Errorf("ParseKind(%q) = %q, %v", kind, got, err)
		}
	}
	if _, err := push.ParseKind("device"); !errors.Is(err, push.ErrKind) {
		t.Errorf("ParseKind = %v, want %v", err, push.ErrKind)
	}
}

// Whatever a client sends as a rule and a stranger as an event: no panic, and a rule that was
// taken can be stored and read.
func FuzzRules(f *testing.F) {
	f.Add(`{"actions":["notify"],"conditions":[{"kind":"event_match","key":"content.body","pattern":"a*b?"}],"pattern":"x"}`, `{"content":{"body":"aXb"}}`)
	f.Add(`{"actions":[{"set_tweak":"x"}],"conditions":[{"kind":"event_property_is","key":"a\\","value":1e3}]}`, `{"sender":1}`)
	f.Fuzz(func(t *testing.T, body, said string) {
		e, err := newEvent([]byte(said))
		if err != nil {
			return
		}
		var r push.Rule
		if json.Unmarshal([]byte(body), &r) != nil {
			return
		}
		r.ID = "fuzz"
		for _, kind := range []push.Kind{push.Override, push.Content} {
			var s push.Settings
			if s.Put(kind, r, "", "") != nil {
				continue
			}
			verdict := s.Ruleset(alice).Compile(alice).Evaluate(e, group)
			stored, err := json.Marshal(s)
			if err != nil {
				t.Fatalf("a rule that was taken cannot be stored: %v", err)
			}
			read, err := push.ParseSettings(stored)
			if err != nil {
				t.Fatalf("a rule that was stored cannot be read: %v", err)
			}
			if again := read.Ruleset(alice).Compile(alice).Evaluate(e, group); again.Notify != verdict.Notify || again.Highlight != verdict.Highlight {
				t.Errorf("a rule that was stored and read says %+v, before it said %+v", again, verdict)
			}
		}
	})
}

// BenchmarkHostileGlob is the worst pattern on the longest body.
func BenchmarkHostileGlob(b *testing.B) {
	key, pattern := "content.body", strings.Repeat("*a", 127)+"b"
	conditions := []push.Condition{{Kind: "event_match", Key: &key, Pattern: &pattern}}
	rules := push.Ruleset{push.Override: {{ID: "x", Enabled: true, Conditions: &conditions}}}.Compile(alice)
	e, err := newEvent([]byte(`{"content":{"body":"` + strings.Repeat("a", 60_000) + `"}}`))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		rules.Evaluate(e, group)
	}
}

// BenchmarkEvaluate is what a message costs for each of its readers.
func BenchmarkEvaluate(b *testing.B) {
	rules := push.Settings{}.Ruleset(alice).Compile(alice)
	e, err := newEvent([]byte(`{"type":"m.room.message","sender":"@bob:example.org","room_id":"!room:example.org","content":{"msgtype":"m.text","body":"` + strings.Repeat("lorem ipsum ", 20) + `"}}`))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		rules.Evaluate(e, group)
	}
}

// Rules see all parts of an event, as what they are.
func TestParts(t *testing.T) {
	key := "alice"
	e, err := push.Parts{
		ID: "$1", Room: "!tea:example.org", Sender: "@bob:example.org", Type: "m.room.message", StateKey: &key, OriginServerTS: 7,
		Content: []byte(`{"body":"Cake?","n":9007199254740993,"no":null,"of":{"us":[1,true,"x"],"yes":true}}`),
	}.Event()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"event_id": `"$1"`, "room_id": `"!tea:example.org"`, "sender": `"@bob:example.org"`, "type": `"m.room.message"`, "state_key": `"alice"`, "origin_server_ts": `7`,
		"content.body": `"Cake?"`, "content.n": `9007199254740993`, "content.no": `null`, "content.of.yes": `true`,
	} {
		for asked, want := range map[string]bool{name: true, name + ".x": false, "content": false, "x": false} {
			conditions := []push.Condition{{Kind: "event_property_is", Key: &asked, Value: json.RawMessage(value)}}
			if got := notifies(conditions, e); got != want {
				t.Errorf("%s is %s = %t, want %t", asked, value, got, want)
			}
		}
	}
	list := "content.of.us"
	for value, want := range map[string]bool{`1`: true, `true`: true, `"x"`: true, `"1"`: false, `null`: false} {
		if got := notifies([]push.Condition{{Kind: "event_property_contains", Key: &list, Value: json.RawMessage(value)}}, e); got != want {
			t.Errorf("%s contains %s = %t, want %t", list, value, got, want)
		}
	}
	for _, other := range []string{``, `[]`, `1`} {
		if _, err := (push.Parts{Content: []byte(other)}).Event(); err == nil {
			t.Errorf("a content %q is taken", other)
		}
	}
}

// notifies tells whether a rule with these conditions matches an event.
func notifies(conditions []push.Condition, e *push.Event) bool {
	rules := push.Ruleset{push.Override: {{ID: "x", Enabled: true, Conditions: &conditions, Actions: []push.Action{{Word: "notify"}}}}}
	return rules.Compile(alice).Evaluate(e, group).Notify
}
