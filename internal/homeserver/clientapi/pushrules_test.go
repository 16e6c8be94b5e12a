package clientapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const rulesPath = " /pushrules/global"

// order is the ids of a user's rules of a kind, as a client reads them.
func (w *world) order(token, kind string) string {
	w.Helper()
	var rules struct {
		Global map[string][]struct {
			ID string `json:"rule_id"`
		}
	}
	a := w.call(token, "GET /pushrules/", "")
	if err := json.Unmarshal([]byte(a.text), &rules); err != nil || len(rules.Global) != 5 {
		w.Errorf("the rules are %s, %v", a.text, err)
	}
	var ids []string
	for _, r := range rules.Global[kind] {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

// Rules stand where their user wants them, above those of the server but the master.
func TestPushRulesInOrder(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		for _, step := range []struct{ call, content string }{
			{"/content/tea", "tea .m.rule.contains_user_name"},
			{"/content/cake", "cake tea .m.rule.contains_user_name"},
			{"/content/jam?after=cake", "cake jam tea .m.rule.contains_user_name"},
			{"/content/bun?before=tea", "cake jam bun tea .m.rule.contains_user_name"},
			{"/content/tea?before=cake&after=bun", "tea cake jam bun .m.rule.contains_user_name"},
			{"/content/jam", "tea cake jam bun .m.rule.contains_user_name"},
		} {
			w.wantJSON(step.call, w.call(alice, "PUT"+rulesPath+step.call, `{"pattern":"x","actions":["notify"]}`), `{}`)
			if got := w.order(alice, "content"); got != step.content {
				w.Errorf("after %s: %s, want %s", step.call, got, step.content)
			}
		}
		w.wantJSON("deleting", w.call(alice, "DELETE"+rulesPath+"/content/cake", ""), `{}`)
		if got := w.order(alice, "content"); got != "tea jam bun .m.rule.contains_user_name" {
			w.Errorf("in the end: %s", got)
		}
		w.wantJSON("overriding", w.call(alice, "PUT"+rulesPath+"/override/mine", `{"actions":[]}`), `{}`)
		if got := w.order(alice, "override"); !strings.HasPrefix(got, ".m.rule.master mine .m.rule.suppress_notices ") {
			w.Errorf("the override rules: %s", got)
		}
	})
}

// A rule is read as a whole and in parts, and so it is changed; those of the server too,
// which cannot be deleted.
func TestPushRule(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		const rule = rulesPath + "/content/cake"
		w.wantJSON("making", w.call(alice, "PUT"+rule, `{"pattern":"c?ke*","actions":["notify","dont_notify",{"set_tweak":"sound","value":"bell"}],"conditions":[{"kind":"ignored"}]}`), `{}`)
		w.wantJSON("the rule", w.call(alice, "GET"+rule, ""),
			`{"rule_id":"cake","default":false,"enabled":true,"pattern":"c?ke*","actions":["notify","dont_notify",{"set_tweak":"sound","value":"bell"}]}`)
		w.wantJSON("switching off", w.call(alice, "PUT"+rule+"/enabled", `{"enabled":false}`), `{}`)
		w.wantJSON("whether it is on", w.call(alice, "GET"+rule+"/enabled", ""), `{"enabled":false}`)
		w.wantJSON("other actions", w.call(alice, "PUT"+rule+"/actions", `{"actions":["coalesce"]}`), `{}`)
		w.wantJSON("its actions", w.call(alice, "GET"+rule+"/actions", ""), `{"actions":["coalesce"]}`)
		w.wantJSON("another pattern", w.call(alice, "PUT"+rule, `{"pattern":"pie","actions":[]}`), `{}`)
		w.wantJSON("the rule, which stays off", w.call(alice, "GET"+rule, ""), `{"rule_id":"cake","default":false,"enabled":false,"pattern":"pie","actions":[]}`)

		const master = rulesPath + "/override/.m.rule.master"
		w.wantJSON("the master", w.call(alice, "GET"+master, ""), `{"rule_id":".m.rule.master","default":true,"enabled":false,"conditions":[],"actions":[]}`)
		w.wantJSON("everything off", w.call(alice, "PUT"+master+"/enabled", `{"enabled":true}`), `{}`)
		w.wantJSON("with a sound", w.call(alice, "PUT"+master+"/actions", `{"actions":["notify"]}`), `{}`)
		w.wantJSON("the master, then", w.call(alice, "GET"+master, ""), `{"rule_id":".m.rule.master","default":true,"enabled":true,"conditions":[],"actions":["notify"]}`)
		w.want("deleting it", w.call(alice, "DELETE"+master, ""), 404, "M_NOT_FOUND")
		w.want("replacing it", w.call(alice, "PUT"+master, `{"actions":[]}`), 400, "M_INVALID_PARAM")
		w.wantJSON("bob's", w.call(bob, "GET"+master+"/enabled", ""), `{"enabled":false}`)
		if a := w.call(bob, "GET"+rulesPath+"/content/.m.rule.contains_user_name", ""); a.str("pattern") != "bob" {
			w.Errorf("bob's name is looked for by %s", a.text)
		}

		all, global := w.call(alice, "GET /pushrules/", ""), w.call(alice, "GET"+rulesPath+"/", "")
		w.wantJSON("all rules", all, `{"global":`+global.text+`}`)
		w.wantJSON("as account data", w.call(alice, "GET /user/@alice:hs.test/account_data/m.push_rules", ""), all.text)
		w.want("which cannot be set", w.call(alice, "PUT /user/@alice:hs.test/account_data/m.push_rules", all.text), 405, "M_BAD_JSON")
	})
}

// What makes no sense is refused, and changes nothing.
func TestPushRulesRefuse(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		before := w.call(alice, "GET /pushrules/", "").text
		many := strings.Repeat(`"notify",`, 20) + `"notify"`
		for _, test := range []struct {
			call, body string
			status     int
			code       string
		}{
			{"PUT /content/x", ``, 400, "M_NOT_JSON"},
			{"PUT /content/x", `[]`, 400, "M_BAD_JSON"},
			{"PUT /content/x", `{"pattern":"x"}`, 400, "M_MISSING_PARAMS"},
			{"PUT /content/x", `{"actions":["notify"]}`, 400, "M_BAD_JSON"},
			{"PUT /content/x", `{"pattern":7,"actions":[]}`, 400, "M_BAD_JSON"},
			{"PUT /content/x", `{"pattern":"` + strings.Repeat("x", 256) + `","actions":[]}`, 400, "M_BAD_JSON"},
			{"PUT /content/x", `{"pattern":"x","actions":"notify"}`, 400, "M_BAD_JSON"},
			{"PUT /content/x", `{"pattern":"x","actions":[7]}`, 400, "M_BAD_JSON"},
			{"PUT /content/x", `{"pattern":"x","actions":[{"set":"sound"}]}`, 400, "M_BAD_JSON"},
			{"PUT /content/x", `{"pattern":"x","actions":[` + many + `]}`, 400, "M_BAD_JSON"},
			{"PUT /content/x?before=no", `{"pattern":"x","actions":[]}`, 400, "M_UNKNOWN"},
			{"PUT /content/x?after=.m.rule.contains_user_name", `{"pattern":"x","actions":[]}`, 400, "M_UNKNOWN"},
			{"PUT /content/.x", `{"pattern":"x","actions":[]}`, 400, "M_INVALID_PARAM"},
			{"PUT /content/a%2Fb", `{"pattern":"x","actions":[]}`, 400, "M_INVALID_PARAM"},
			{"PUT /content/a%5Cb", `{"pattern":"x","actions":[]}`, 400, "M_INVALID_PARAM"},
			{"PUT /content/" + strings.Repeat("x", 256), `{"pattern":"x","actions":[]}`, 400, "M_INVALID_PARAM"},
			{"PUT /nonsense/x", `{"actions":[]}`, 404, "M_NOT_FOUND"},
			{"PUT /override/x", `{"actions":[],"conditions":{}}`, 400, "M_BAD_JSON"},
			{"PUT /override/x", `{"actions":[],"conditions":[{}]}`, 400, "M_BAD_JSON"},
			{"PUT /override/x", `{"actions":[],"conditions":[{"kind":"event_match","key":"type"}]}`, 400, "M_BAD_JSON"},
			{"PUT /override/x", `{"actions":[],"conditions":[{"kind":"event_property_is","key":"a","value":[]}]}`, 400, "M_BAD_JSON"},
			{"PUT /override/x", `{"actions":[],"conditions":[{"kind":"room_member_count","is":"many"}]}`, 400, "M_BAD_JSON"},
			{"GET /content/x", ``, 404, "M_NOT_FOUND"},
			{"GET /nonsense/x", ``, 404, "M_NOT_FOUND"},
			{"GET /content/x/enabled", ``, 404, "M_NOT_FOUND"},
			{"GET /content/x/actions", ``, 404, "M_NOT_FOUND"},
			{"GET /override/.m.rule.contains_user_name", ``, 404, "M_NOT_FOUND"},
			{"DELETE /content/x", ``, 404, "M_NOT_FOUND"},
			{"PUT /content/x/enabled", `{"enabled":false}`, 404, "M_NOT_FOUND"},
			{"PUT /content/x/enabled", `{}`, 400, "M_MISSING_PARAMS"},
			{"PUT /content/x/enabled", `{"enabled":"no"}`, 400, "M_BAD_JSON"},
			{"PUT /content/x/actions", `{"actions":[]}`, 404, "M_NOT_FOUND"},
			{"PUT /override/.m.rule.master/actions", `{}`, 400, "M_MISSING_PARAMS"},
			{"PUT /override/.m.rule.master/actions", `{"actions":[` + many + `]}`, 400, "M_BAD_JSON"},
		} {
			method, path, _ := strings.Cut(test.call, " ")
			w.want(fmt.Sprintf("%.60s %.60s", test.call, test.body), w.call(alice, method+rulesPath+path, test.body), test.status, test.code)
		}
		w.wantJSON("the rules, after all that", w.call(alice, "GET /pushrules/", ""), before)
		for _, path := range []string{"GET /pushrules/", "GET" + rulesPath + "/", "GET" + rulesPath + "/content/x"} {
			method, path, _ := strings.Cut(path, " ")
			w.want("as nobody", w.do(method, v3+path, ""), 401, "M_MISSING_TOKEN")
		}
	})
}
