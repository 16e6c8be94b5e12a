package clientapi_test

import (
	"strings"
	"testing"
)

const (
	aliceData = v3 + "/user/@alice:hs.test"
	aliceRoom = aliceData + "/rooms/!room:hs.test"
)

func TestProfile(t *testing.T) {
	const profile = v3 + "/profile/@alice:hs.test"
	each(t, func(w *world) {
		token, bobs := w.joined("alice"), w.joined("bob")
		w.wantJSON("an empty profile", w.do("GET", profile, ""), `{}`)
		w.want("no display name", w.do("GET", profile+"/displayname", ""), 404, "M_NOT_FOUND")
		for field, value := range map[string]string{"displayname": `"Alice 🦊"`, "avatar_url": `"mxc://hs.test/a"`, "m.tz": `"Europe/London"`, "org.example.job": `{"a":[1.5]}`} {
			w.wantJSON("setting "+field, w.do("PUT", profile+"/"+field, `{"`+field+`":`+value+`}`, bearer(token)), `{}`)
			w.wantJSON(field, w.do("GET", profile+"/"+field, ""), `{"`+field+`":`+value+`}`)
		}
		w.wantJSON("the whole profile", w.do("GET", profile, ""),
			`{"avatar_url":"mxc://hs.test/a","displayname":"Alice 🦊","m.tz":"Europe/London","org.example.job":{"a":[1.5]}}`)
		w.wantJSON("deleting", w.do("DELETE", profile+"/org.example.job", "", bearer(token)), `{}`)
		w.wantJSON("deleting again", w.do("DELETE", profile+"/org.example.job", "", bearer(token)), `{}`)
		w.want("what was deleted", w.do("GET", profile+"/org.example.job", ""), 404, "M_NOT_FOUND")
		for _, test := range []struct {
			field, body string
			status      int
			code        string
		}{
			{"displayname", ``, 400, "M_NOT_JSON"},
			{"displayname", `"x"`, 400, "M_BAD_JSON"},
			{"displayname", `{}`, 400, "M_MISSING_PARAM"},
			{"displayname", `{"avatar_url":"x"}`, 400, "M_MISSING_PARAM"},
			{"displayname", `{"displayname":null}`, 400, "M_BAD_JSON"},
			{"displayname", `{"displayname":{}}`, 400, "M_BAD_JSON"},
			{"displayname", `{"displayname":"a","displayname":"b"}`, 400, "M_BAD_JSON"},
			{"displayname", `{"displayname":"` + strings.Repeat("x", 257) + `"}`, 400, "M_BAD_JSON"},
			{"displayname", `{"displayname":"\u0000"}`, 400, "M_INVALID_PARAM"},
			{"avatar_url", `{"avatar_url":1}`, 400, "M_BAD_JSON"},
			{"nickname", `{"nickname":"x"}`, 400, "M_INVALID_PARAM"},
			{"a." + strings.Repeat("x", 254), `{}`, 400, "M_KEY_TOO_LARGE"},
			{"org.example.big", `{"org.example.big":"` + strings.Repeat("x", 65_480) + `"}`, 400, "M_PROFILE_TOO_LARGE"},
		} {
			w.want("setting "+test.field+" to "+test.body[:min(len(test.body), 40)], w.do("PUT", profile+"/"+test.field, test.body, bearer(token)), test.status, test.code)
		}
		w.want("by Bob", w.do("PUT", profile+"/displayname", `{"displayname":"x"}`, bearer(bobs)), 403, "M_FORBIDDEN")
		w.want("deleted by Bob", w.do("DELETE", profile+"/displayname", "", bearer(bobs)), 403, "M_FORBIDDEN")
		w.want("by nobody", w.do("PUT", profile+"/displayname", `{"displayname":"x"}`), 401, "M_MISSING_TOKEN")
		for user, status := range map[string]int{"@carol:hs.test": 404, "@alice:other.test": 404, "alice": 400, "@alice": 400, "%FF": 404} {
			if a := w.do("GET", v3+"/profile/"+user, ""); a.status != status || a.str("errcode") == "" {
				w.Errorf("the profile of %s = %d %s, want %d", user, a.status, a.text, status)
			}
		}
		w.wantJSON("after all that", w.do("GET", profile+"/displayname", ""), `{"displayname":"Alice 🦊"}`)
	})
}

func TestAccountData(t *testing.T) {
	each(t, func(w *world) {
		token, bobs := w.joined("alice"), w.joined("bob")
		for _, at := range []string{aliceData, aliceRoom} {
			path := at + "/account_data/org.example"
			w.want("nothing", w.do("GET", path, "", bearer(token)), 404, "M_NOT_FOUND")
			w.wantJSON("setting", w.do("PUT", path, `{"é":[1,{"a":null}]}`, bearer(token)), `{}`)
			w.wantJSON("reading", w.do("GET", path, "", bearer(token)), `{"é":[1,{"a":null}]}`)
			w.wantJSON("a type with a slash", w.do("PUT", at+"/account_data/a%2Fb", `{}`, bearer(token)), `{}`)
			w.wantJSON("reading it", w.do("GET", at+"/account_data/a%2fb", "", bearer(token)), `{}`)
			w.want("by Bob", w.do("PUT", path, `{}`, bearer(bobs)), 403, "M_FORBIDDEN")
			w.want("read by Bob", w.do("GET", path, "", bearer(bobs)), 403, "M_FORBIDDEN")
			w.want("read by nobody", w.do("GET", path, ""), 401, "M_MISSING_TOKEN")
			for body, code := range map[string]string{``: "M_NOT_JSON", `{`: "M_NOT_JSON", `[]`: "M_BAD_JSON", `null`: "M_BAD_JSON", `"x"`: "M_BAD_JSON",
				`{"a":1,"a":2}`: "M_BAD_JSON", `{"a":{"b":1,"b":2}}`: "M_BAD_JSON", `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: "M_BAD_JSON"} {
				w.want("setting "+body, w.do("PUT", path, body, bearer(token)), 400, code)
			}
			for _, kind := range []string{"m.fully_read", "m.push_rules"} {
				w.want("setting "+kind, w.do("PUT", at+"/account_data/"+kind, `{}`, bearer(token)), 405, "M_BAD_JSON")
			}
			w.want("too much", w.do("PUT", path, `{"x":"`+strings.Repeat("x", 256<<10)+`"}`, bearer(token)), 413, "M_TOO_LARGE")
			w.want("a long type", w.do("PUT", at+"/account_data/"+strings.Repeat("x", 256), `{}`, bearer(token)), 400, "M_INVALID_PARAM")
			w.wantJSON("after all that", w.do("GET", path, "", bearer(token)), `{"é":[1,{"a":null}]}`)
		}
		for _, room := range []string{"@alice:hs.test", "room", "!", "!a%20b:hs.test", "!a:b:c:d", "%21"} {
			w.want("in "+room, w.do("PUT", aliceData+"/rooms/"+room+"/account_data/x", `{}`, bearer(token)), 400, "M_INVALID_PARAM")
			w.want("the tags in "+room, w.do("GET", aliceData+"/rooms/"+room+"/tags", "", bearer(token)), 400, "M_INVALID_PARAM")
		}
		w.wantJSON("a room of today", w.do("PUT", aliceData+"/rooms/!opaque/account_data/x", `{}`, bearer(token)), `{}`)
	})
}

func TestTags(t *testing.T) {
	each(t, func(w *world) {
		token, bobs := w.joined("alice"), w.joined("bob")
		w.wantJSON("no tags", w.do("GET", aliceRoom+"/tags", "", bearer(token)), `{"tags":{}}`)
		w.wantJSON("a tag", w.do("PUT", aliceRoom+"/tags/m.favourite", `{"order":0.1}`, bearer(token)), `{}`)
		w.wantJSON("another", w.do("PUT", aliceRoom+"/tags/u.my%20work", `{}`, bearer(token)), `{}`)
		w.wantJSON("the tags", w.do("GET", aliceRoom+"/tags", "", bearer(token)), `{"tags":{"m.favourite":{"order":0.1},"u.my work":{}}}`)
		w.wantJSON("as account data", w.do("GET", aliceRoom+"/account_data/m.tag", "", bearer(token)), `{"tags":{"m.favourite":{"order":0.1},"u.my work":{}}}`)
		for body, code := range map[string]string{``: "M_NOT_JSON", `[]`: "M_BAD_JSON", `{"order":"x"}`: "M_BAD_JSON", `{"order":2}`: "M_BAD_JSON", `{"order":1e999}`: "M_BAD_JSON"} {
			w.want("setting "+body, w.do("PUT", aliceRoom+"/tags/u.x", body, bearer(token)), 400, code)
		}
		w.want("by Bob", w.do("PUT", aliceRoom+"/tags/u.x", `{}`, bearer(bobs)), 403, "M_FORBIDDEN")
		w.want("read by Bob", w.do("GET", aliceRoom+"/tags", "", bearer(bobs)), 403, "M_FORBIDDEN")
		w.wantJSON("deleting", w.do("DELETE", aliceRoom+"/tags/m.favourite", "", bearer(token)), `{}`)
		w.wantJSON("deleting again", w.do("DELETE", aliceRoom+"/tags/m.favourite", "", bearer(token)), `{}`)
		w.wantJSON("the tags then", w.do("GET", aliceRoom+"/tags", "", bearer(token)), `{"tags":{"u.my work":{}}}`)
	})
}

func TestFilters(t *testing.T) {
	each(t, func(w *world) {
		token, bobs := w.joined("alice"), w.joined("bob")
		made := w.do("POST", aliceData+"/filter", `{"room":{"timeline":{"limit":10}}}`, bearer(token))
		w.want("a filter", made, 200, "")
		w.wantJSON("it", w.do("GET", aliceData+"/filter/"+made.str("filter_id"), "", bearer(token)), `{"room":{"timeline":{"limit":10}}}`)
		w.want("another", w.do("GET", aliceData+"/filter/0", "", bearer(token)), 404, "M_NOT_FOUND")
		w.want("by Bob", w.do("GET", aliceData+"/filter/"+made.str("filter_id"), "", bearer(bobs)), 403, "M_FORBIDDEN")
		w.want("made by Bob", w.do("POST", aliceData+"/filter", `{}`, bearer(bobs)), 403, "M_FORBIDDEN")
		for body, code := range map[string]string{``: "M_NOT_JSON", `[]`: "M_BAD_JSON", `{"room":1}`: "M_BAD_JSON", `{"room":{"timeline":{"limit":-1}}}`: "M_BAD_JSON", `{"presence":{"senders":["x"]}}`: "M_BAD_JSON"} {
			w.want("making "+body, w.do("POST", aliceData+"/filter", body, bearer(token)), 400, code)
		}
	})
}
