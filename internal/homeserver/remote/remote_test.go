package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"signet/internal/fedclient"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/remote"
	"signet/internal/matrix"
)

const roomPath = "%21a%2Fb%3Fc:them.test:8448"

// Each call asks as the specification says, and reads an answer that is as it says.
func TestCalls(t *testing.T) {
	pdu := jsontext.Value(`{"type":"x"}`)
	tests := []struct {
		name    string
		ask     func(ctx context.Context, c *remote.Client) (any, error)
		request string
		answer  string
		want    any
	}{
		{"make_join", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.MakeJoin(ctx, them, room, bob, []string{"10", "11"})
		}, "GET /_matrix/federation/v1/make_join/" + roomPath + "/@bob:us.test?ver=10&ver=11",
			`{"room_version":"10","event":` + template("join") + `}`, remote.Template{RoomVersion: "10", Event: jsontext.Value(template("join"))}},
		{"make_leave of a server that says no version", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.MakeLeave(ctx, them, room, bob)
		}, "GET /_matrix/federation/v1/make_leave/" + roomPath + "/@bob:us.test",
			`{"event":` + template("leave") + `}`, remote.Template{RoomVersion: "1", Event: jsontext.Value(template("leave"))}},
		{"make_knock", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.MakeKnock(ctx, them, room, bob, []string{"7"})
		}, "GET /_matrix/federation/v1/make_knock/" + roomPath + "/@bob:us.test?ver=7",
			`{"room_version":"7","event":` + template("knock") + `}`, remote.Template{RoomVersion: "7", Event: jsontext.Value(template("knock"))}},
		{"send_join", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.SendJoin(ctx, them, room, "$j", pdu)
		},
			"PUT /_matrix/federation/v2/send_join/" + roomPath + "/$j " + `{"type":"x"}`,
			`{"origin":"them","state":[{"a":1,"a":2},{}],"x":[[{}]],"auth_chain":[{"b":1}],"event":{"c":1}}`,
			remote.Joined{State: values(`{"a":1,"a":2}`, `{}`), AuthChain: values(`{"b":1}`), Event: jsontext.Value(`{"c":1}`)}},
		{"send_knock", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.SendKnock(ctx, them, room, "$k", pdu)
		},
			"PUT /_matrix/federation/v1/send_knock/" + roomPath + "/$k " + `{"type":"x"}`,
			`{"knock_room_state":[{"type":"m.room.name"}]}`, values(`{"type":"m.room.name"}`)},
		{"send_leave", func(ctx context.Context, c *remote.Client) (any, error) {
			return nil, c.SendLeave(ctx, them, room, "$l", pdu)
		},
			"PUT /_matrix/federation/v2/send_leave/" + roomPath + "/$l " + `{"type":"x"}`, `{}`, nil},
		{"exchange_third_party_invite", func(ctx context.Context, c *remote.Client) (any, error) {
			return nil, c.ExchangeThirdPartyInvite(ctx, them, remote.ThirdPartyInvite{Room: room, Sender: "@ann:them.test", User: bob, Signed: jsontext.Value(`{"token":"t"}`)})
		},
			"PUT /_matrix/federation/v1/exchange_third_party_invite/" + roomPath +
				` {"content":{"membership":"invite","third_party_invite":{"display_name":"@bob:us.test","signed":{"token":"t"}}},"room_id":"!a/b?c:them.test:8448","sender":"@ann:them.test","state_key":"@bob:us.test","type":"m.room.member"}`,
			`{}`, nil},
		{"state", func(ctx context.Context, c *remote.Client) (any, error) { return c.State(ctx, them, room, "$e:x/y") },
			"GET /_matrix/federation/v1/state/" + roomPath + "?event_id=%24e%3Ax%2Fy",
			`{"pdus":[{}],"auth_chain":[]}`, remote.State{State: values(`{}`), AuthChain: values()}},
		{"state_ids", func(ctx context.Context, c *remote.Client) (any, error) { return c.StateIDs(ctx, them, room, "$e") },
			"GET /_matrix/federation/v1/state_ids/" + roomPath + "?event_id=%24e",
			`{"pdu_ids":["$1","$2"],"auth_chain_ids":["$3"]}`, remote.StateIDs{State: []string{"$1", "$2"}, AuthChain: []string{"$3"}}},
		{"event", func(ctx context.Context, c *remote.Client) (any, error) { return c.Event(ctx, them, "$e/f") },
			"GET /_matrix/federation/v1/event/$e%2Ff", `{"origin":"x","pdus":[{"a":1}]}`, jsontext.Value(`{"a":1}`)},
		{"event_auth", func(ctx context.Context, c *remote.Client) (any, error) { return c.EventAuth(ctx, them, room, "$e") },
			"GET /_matrix/federation/v1/event_auth/" + roomPath + "/$e", `{"auth_chain":[{"a":1}]}`, values(`{"a":1}`)},
		{"backfill", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.Backfill(ctx, them, room, []string{"$1", "$2"}, 1000)
		}, "GET /_matrix/federation/v1/backfill/" + roomPath + "?limit=100&v=%241&v=%242", `{"pdus":[{"a":1}]}`, values(`{"a":1}`)},
		{"get_missing_events", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.MissingEvents(ctx, them, room, remote.Missing{Earliest: []string{"$1"}, Latest: []string{"$2"}, Limit: 7, MinDepth: 3})
		}, "POST /_matrix/federation/v1/get_missing_events/" + roomPath + ` {"earliest_events":["$1"],"latest_events":["$2"],"limit":7,"min_depth":3}`,
			`{"events":[{"a":1}]}`, values(`{"a":1}`)},
		{"timestamp_to_event", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.TimestampToEvent(ctx, them, room, time.UnixMilli(5), true)
		}, "GET /_matrix/federation/v1/timestamp_to_event/" + roomPath + "?dir=b&ts=5", `{"event_id":"$e","origin_server_ts":4}`,
			remote.Closest{EventID: "$e", Time: time.UnixMilli(4)}},
		{"query/directory", func(ctx context.Context, c *remote.Client) (any, error) {
			id, via, err := c.Directory(ctx, them, "#a b:them.test")
			return fmt.Sprintf("%s %s", id, via), err
		}, "GET /_matrix/federation/v1/query/directory?room_alias=%23a+b%3Athem.test", `{"room_id":"!r:x","servers":["a.test","!","a.test","b.test"]}`,
			"!r:x [a.test b.test]"},
		{"query/profile", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.Profile(ctx, them, "@a:them.test", "")
		},
			"GET /_matrix/federation/v1/query/profile?user_id=%40a%3Athem.test", `{"displayname":"A","avatar_url":null,"x":[1]}`,
			map[string]jsontext.Value{"displayname": jsontext.Value(`"A"`), "x": jsontext.Value(`[1]`)}},
		{"query/profile of a field", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.Profile(ctx, them, "@a:them.test", "displayname")
		}, "GET /_matrix/federation/v1/query/profile?field=displayname&user_id=%40a%3Athem.test", `{"displayname":5,"x":[1]}`, map[string]jsontext.Value{}},
		{"publicRooms", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.PublicRooms(ctx, them, remote.Listing{Limit: 3, Since: "p"})
		}, "GET /_matrix/federation/v1/publicRooms?limit=3&since=p", `{"chunk":[{"room_id":"!r:x","num_joined_members":2},{"room_id":"?"}],"next_batch":"n","total_room_count_estimate":9}`,
			remote.Listed{Rooms: []remote.PublicRoom{{RoomID: "!r:x", Joined: 2}}, Next: "n", Total: 9}},
		{"publicRooms with a term", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.PublicRooms(ctx, them, remote.Listing{Limit: 3, Term: "x"})
		}, `POST /_matrix/federation/v1/publicRooms {"filter":{"generic_search_term":"x"},"limit":3}`, `{"chunk":[]}`, remote.Listed{Rooms: []remote.PublicRoom{}}},
		{"user/devices", func(ctx context.Context, c *remote.Client) (any, error) { return c.UserDevices(ctx, them, "@a:t") },
			"GET /_matrix/federation/v1/user/devices/@a:t",
			`{"user_id":"@a:t","stream_id":5,"devices":[{"device_id":"D","keys":` + device("D") + `},{"device_id":"E","keys":` + device("D") + `}]}`,
			e2ee.DeviceList{User: "@a:t", Stream: 5, Devices: []e2ee.ListedDevice{{ID: "D", Keys: jsontext.Value(device("D"))}}}},
		{"user/keys/claim", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.ClaimKeys(ctx, them, e2ee.Claims{"@a:t": {"D": "alg"}})
		}, `POST /_matrix/federation/v1/user/keys/claim {"one_time_keys":{"@a:t":{"D":"alg"}}}`,
			`{"one_time_keys":{"@a:t":{"D":{"alg:2":{},"alg:1":{},"other:0":{}},"E":{"alg:3":{}}},"@b:t":{"D":{"alg:4":{}}}}}`,
			e2ee.Claimed{"@a:t": {"D": {"alg:1": jsontext.Value(`{}`)}}}},
		{"send", func(ctx context.Context, c *remote.Client) (any, error) {
			return c.Send(ctx, them, remote.Transaction{ID: "t/1", Time: time.UnixMilli(7), PDUs: values(`{"a":1}`), EDUs: []remote.EDU{{Type: "m.x", Content: jsontext.Value(`{}`)}}})
		}, `PUT /_matrix/federation/v1/send/t%2F1 {"origin":"us.test","origin_server_ts":7,"pdus":[{"a":1}],"edus":[{"edu_type":"m.x","content":{}}]}`,
			`{"pdus":{"$good":{},"$bad":{"error":"no"}}}`, map[string]string{"$bad": "no"}},
	}
	for _, tt := range tests {
		w := newWorld(t)
		w.answers(tt.answer)
		got, err := tt.ask(t.Context(), w.Client)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, differs:\n%s", tt.name, err, diff)
		}
		w.wantAsked(tt.request)
		for _, bad := range []string{"", "[]", "{", "null", `{"pdus":1,"events":1,"state":{},"auth_chain":"x","devices":{},"chunk":3,"room_id":4,"event":5,"pdu_ids":[1],"knock_room_state":[1],"one_time_keys":1,"event_id":1,"displayname":`} {
			w.answers(bad)
			if got, err := tt.ask(t.Context(), w.Client); !errors.Is(err, fedclient.ErrBadAnswer) && bad != "null" {
				t.Errorf("%s: answered %q = %v, %v, want %v", tt.name, bad, got, err, fedclient.ErrBadAnswer)
			}
		}
		w.answers(`403 {"errcode":"M_FORBIDDEN","error":"no"}`)
		if got, err := tt.ask(t.Context(), w.Client); !errors.Is(err, fedclient.Refusal{Status: 403, Errcode: "M_FORBIDDEN", Message: "no"}) {
			t.Errorf("%s: refused = %v, %v", tt.name, got, err)
		}
		w.network.SetDown(them, true)
		if got, err := tt.ask(t.Context(), w.Client); !errors.Is(err, fedclient.ErrUnreachable) {
			t.Errorf("%s: unreachable = %v, %v", tt.name, got, err)
		}
	}
}

func values(texts ...string) []jsontext.Value {
	all := []jsontext.Value{}
	for _, t := range texts {
		all = append(all, jsontext.Value(t))
	}
	return all
}

func template(membership string) string {
	return fmt.Sprintf(`{"type":"m.room.member","room_id":%q,"sender":%q,"state_key":%q,"content":{"membership":%q},"depth":7}`, room, bob, bob, membership)
}

func device(id string) string { return `{"user_id":"@a:t","device_id":"` + id + `"}` }

// A template that is not the membership asked for is not signed.
func TestProposalsOfSomethingElse(t *testing.T) {
	w := newWorld(t)
	for _, change := range [][2]string{
		{"m.room.member", "m.room.power_levels"}, {string(room), "!other:them.test"}, {`"sender":"@bob:us.test"`, `"sender":"@eve:us.test"`},
		{`"state_key":"@bob:us.test"`, `"state_key":"@eve:us.test"`}, {`"join"`, `"ban"`},
	} {
		w.answers(`{"room_version":"10","event":` + strings.Replace(template("join"), change[0], change[1], 1) + `}`)
		if got, err := w.MakeJoin(t.Context(), them, room, bob, []string{"10"}); !errors.Is(err, remote.ErrTemplate) {
			t.Errorf("with %s: MakeJoin = %v, %v, want %v", change[1], got, err, remote.ErrTemplate)
		}
	}
}

// Old servers know the first version of the endpoint alone, which cannot speak of rooms
// whose events have no ids of their own.
func TestInvitations(t *testing.T) {
	w := newWorld(t)
	i := remote.Invitation{Room: room, EventID: "$i", RoomVersion: "2", Event: jsontext.Value(`{"a":1}`), State: values(`{"s":1}`)}
	v2 := "PUT /_matrix/federation/v2/invite/" + roomPath + `/$i {"event":{"a":1},"invite_room_state":[{"s":1}],"room_version":"2"}`
	v1 := "PUT /_matrix/federation/v1/invite/" + roomPath + `/$i {"a":1,"unsigned":{"invite_room_state":[{"s":1}]}}`
	want := func(answer string, err, wantErr error, asked ...string) {
		t.Helper()
		if !errors.Is(err, wantErr) || err == nil && answer != `{"signed":1}` {
			t.Errorf("Invite = %s, %v, want %v", answer, err, wantErr)
		}
		w.wantAsked(asked...)
	}
	w.answers(`{"event":{"signed":1}}`)
	got, err := w.Invite(t.Context(), them, i)
	want(string(got), err, nil, v2)
	w.answers(`404 {"errcode":"M_UNRECOGNIZED"}`, `[200,{"event":{"signed":1}}]`)
	got, err = w.Invite(t.Context(), them, i)
	want(string(got), err, nil, v2, v1)
	w.answers(`404 <html>`, `[200,{"event":{"signed":1}}]`)
	got, err = w.Invite(t.Context(), them, i)
	want(string(got), err, nil, v2, v1)
	w.answers(`404 <html>`, `[200]`)
	got, err = w.Invite(t.Context(), them, i)
	want(string(got), err, fedclient.ErrBadAnswer, v2, v1)
	w.answers(`403 {"errcode":"M_FORBIDDEN"}`)
	got, err = w.Invite(t.Context(), them, i)
	want(string(got), err, fedclient.Refusal{Status: 403, Errcode: "M_FORBIDDEN"}, v2)
	i.RoomVersion = "3"
	w.answers(`404 {"errcode":"M_UNRECOGNIZED"}`)
	got, err = w.Invite(t.Context(), them, i)
	want(string(got), err, fedclient.Refusal{Status: 404, Errcode: "M_UNRECOGNIZED"}, strings.Replace(v2, `"2"`, `"3"`, 1))
}

// What a server says with its refusal is cut, and cannot break a log.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		answer string
		want   fedclient.Refusal
	}{
		{`500 boom`, fedclient.Refusal{Status: 500, Errcode: "M_UNKNOWN"}},
		{`400 {"errcode":"evil\ncode","error":"a\nb"}`, fedclient.Refusal{Status: 400, Errcode: "M_UNKNOWN", Message: "a b"}},
		{`400 {"errcode":"M_INCOMPATIBLE_ROOM_VERSION","room_version":"13"}`, fedclient.Refusal{Status: 400, Errcode: "M_INCOMPATIBLE_ROOM_VERSION", RoomVersion: "13"}},
		{`429 {"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}`, fedclient.Refusal{Status: 429, Errcode: "M_LIMIT_EXCEEDED", RetryAfter: 1500 * time.Millisecond}},
		{`429 {"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1e300}`, fedclient.Refusal{Status: 429, Errcode: "M_LIMIT_EXCEEDED", RetryAfter: time.Hour}},
		{`429 {"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":-5}`, fedclient.Refusal{Status: 429, Errcode: "M_LIMIT_EXCEEDED"}},
		{`302 {"errcode":"M_X","error":"` + strings.Repeat("é", 1000) + `"}`, fedclient.Refusal{Status: 302, Errcode: "M_X", Message: strings.Repeat("é", 300)}},
	}
	for _, tt := range tests {
		w.answers(tt.answer)
		_, err := w.Event(t.Context(), them, "$e")
		if got, _ := errors.AsType[fedclient.Refusal](err); got != tt.want {
			t.Errorf("answered %s = %+v, want %+v", tt.answer, err, tt.want)
		}
	}
}

// More than was asked for is refused, wherever it ends.
func TestAnswersThatAreTooLong(t *testing.T) {
	w := newWorld(t)
	w.answers(`{"events":[` + strings.Repeat("{},", 100) + `{}]}`)
	if got, err := w.MissingEvents(t.Context(), them, room, remote.Missing{Limit: 100}); !errors.Is(err, fedclient.ErrTooLarge) {
		t.Errorf("MissingEvents = %d, %v, want %v", len(got), err, fedclient.ErrTooLarge)
	}
	w.answers(`{"pdus":[{"a":"` + strings.Repeat("x", 2<<20) + `"}]}`)
	if _, err := w.Event(t.Context(), them, "$e"); !errors.Is(err, fedclient.ErrTooLarge) {
		t.Errorf("Event = %v, want %v", err, fedclient.ErrTooLarge)
	}
	w.answers(`{"pdus":[{},{}]}`)
	if _, err := w.Event(t.Context(), them, "$e"); !errors.Is(err, fedclient.ErrTooLarge) {
		t.Errorf("Event = %v, want %v", err, fedclient.ErrTooLarge)
	}
	w.network.Serve(them, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = rw.Write([]byte(`{"state":[{},`))
		panic(http.ErrAbortHandler)
	}))
	if _, err := w.SendJoin(t.Context(), them, room, "$j", jsontext.Value(`{}`)); !errors.Is(err, fedclient.ErrUnreachable) {
		t.Errorf("SendJoin that breaks off = %v, want %v", err, fedclient.ErrUnreachable)
	}
}

// Keys of people come from their own server, each under its own name.
func TestKeysOfOthersAreLeftOut(t *testing.T) {
	w := newWorld(t)
	w.answers(`{"device_keys":{"@a:t":{"D":` + device("D") + `,"E":` + device("D") + `},"@b:t":{"D":` + device("D") + `}},
		"master_keys":{"@a:t":{"user_id":"@b:t"},"@b:t":{}},"self_signing_keys":{"@a:t":{"user_id":"@a:t"}}}`)
	got, err := w.QueryKeys(t.Context(), them, e2ee.Query{"@a:t": nil})
	w.wantAsked(`POST /_matrix/federation/v1/user/keys/query {"device_keys":{"@a:t":[]}}`)
	if text := fmt.Sprint(got); err != nil || text != `{map[@a:t:map[D:`+device("D")+`]] map[] map[@a:t:{"user_id":"@a:t"}] map[]}` {
		t.Errorf("QueryKeys = %s, %v", text, err)
	}
}

// Whatever a server sends, each answer is an error or a list of objects.
func FuzzSendJoin(f *testing.F) {
	f.Add([]byte(`{"state":[{"a":1}],"auth_chain":[{}],"event":{}}`))
	f.Add([]byte(`{"state":null,"auth_chain":[[]]}`))
	f.Add([]byte(`{"state":[],"state":[],"auth_chain":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := newWorld(t)
		w.network.Serve(them, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(body) }))
		got, err := w.SendJoin(t.Context(), them, room, "$j", jsontext.Value(`{}`))
		if err != nil {
			if !errors.Is(err, fedclient.ErrBadAnswer) {
				t.Errorf("answered %q: %v", body, err)
			}
			return
		}
		for _, v := range append(append(got.State, got.AuthChain...), got.Event) {
			if v != nil && v.Kind() != '{' {
				t.Errorf("answered %q: %s is no object", body, v)
			}
		}
	})
}

// peers are servers that are down, and how often they were heard of.
type peers map[matrix.ServerName]int

func (p peers) Down(server matrix.ServerName) bool { _, down := p[server]; return down }

func (p peers) Heard(server matrix.ServerName) { p[server]++ }

// Nobody waits for a look-up at a server that was not reached lately; what has to be brought
// there is brought all the same.
func TestLookingUpWhatIsDown(t *testing.T) {
	w := newWorld(t)
	down := peers{them: 0}
	w.Peers = down
	w.answers(`{"pdus":{}}`)
	if _, err := w.Profile(t.Context(), them, "@a:them.test", ""); !errors.Is(err, fedclient.ErrUnreachable) {
		t.Errorf("Profile = %v, want %v", err, fedclient.ErrUnreachable)
	}
	if _, err := w.QueryKeys(t.Context(), them, e2ee.Query{"@a:t": nil}); !errors.Is(err, fedclient.ErrUnreachable) {
		t.Errorf("QueryKeys = %v, want %v", err, fedclient.ErrUnreachable)
	}
	w.wantAsked()
	if _, err := w.Send(t.Context(), them, remote.Transaction{ID: "1"}); err != nil || len(w.asked) != 1 || down[them] != 0 {
		t.Errorf("Send = %v, asked %q, heard of %d times", err, w.asked, down[them])
	}
	if _, err := w.Backfill(t.Context(), them, room, nil, 1); !errors.Is(err, fedclient.ErrBadAnswer) || down[them] != 0 {
		t.Errorf("Backfill = %v, heard of %d times", err, down[them])
	}
	w.answers(`{"pdus":[]}`)
	if _, err := w.Backfill(t.Context(), them, room, nil, 1); err != nil || down[them] != 1 {
		t.Errorf("Backfill = %v, heard of %d times, want once", err, down[them])
	}
}
