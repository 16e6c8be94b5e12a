package clientapi_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"signet/internal/homeserver/account"
)

// owner is what shows that it is Alice who asks; session may be empty.
func owner(with, session string) string {
	return fmt.Sprintf(`"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":%q,"session":%q}`, with, session)
}

// regToken makes a registration token that is for so many accounts.
func (w *world) regToken(token string, limit int) {
	w.Helper()
	if _, err := w.api.Accounts.CreateRegistrationToken(w.Context(), account.RegistrationToken{Token: token, Limit: limit}); err != nil {
		w.Fatal(err)
	}
}

// The registration of the specification's picture: two flows, stage after stage.
func TestRegisterInStages(t *testing.T) {
	flows := account.Flows{{account.StageRegistrationToken, account.StageDummy}, {account.StageDummy, account.StageRegistrationToken}}
	eachWith(t, flows, func(w *world) {
		w.regToken("open-sesame", 1)
		body := func(auth string) string {
			return `{"username":"alice","password":"` + password + `","auth":` + auth + `}`
		}
		const offered = `"flows":[{"stages":["m.login.registration_token","m.login.dummy"]},{"stages":["m.login.dummy","m.login.registration_token"]}],"params":{},"session":`
		asked := w.do("POST", v3+"/register", `{"username":"alice","password":"`+password+`"}`)
		session := fmt.Sprintf("%q", asked.str("session"))
		if want := `{"completed":[],` + offered + session + `}`; asked.status != 401 || asked.text != want {
			w.Fatalf("the first request = %d %s, want 401 %s", asked.status, asked.text, want)
		}
		wrong := w.do("POST", v3+"/register", body(`{"type":"m.login.registration_token","token":"sesame","session":`+session+`}`))
		w.want("a wrong token", wrong, 401, "M_FORBIDDEN")
		half := w.do("POST", v3+"/register", body(`{"type":"m.login.registration_token","token":"open-sesame","session":`+session+`}`))
		if want := `{"completed":["m.login.registration_token"],` + offered + session + `}`; half.status != 401 || half.text != want {
			w.Errorf("after one stage = %d %s, want 401 %s", half.status, half.text, want)
		}
		far := w.do("POST", v3+"/register", body(`{"session":`+session+`}`))
		if far.text != half.text {
			w.Errorf("how far it is = %s, want %s", far.text, half.text)
		}
		w.want("the last stage", w.do("POST", v3+"/register", body(`{"type":"m.login.dummy","session":`+session+`}`)), 200, "")
		validity := w.do("GET", "/_matrix/client/v1/register/m.login.registration_token/validity?token=open-sesame", "")
		w.wantJSON("the token is used up", validity, `{"valid":false}`)
	})
}

func TestTokenValidity(t *testing.T) {
	const path = "/_matrix/client/v1/register/m.login.registration_token/validity"
	eachWith(t, account.Flows{{account.StageRegistrationToken}}, func(w *world) {
		w.regToken("open-sesame", 0)
		w.wantJSON("a token", w.do("GET", path+"?token=open-sesame", ""), `{"valid":true}`)
		w.wantJSON("another", w.do("GET", path+"?token=Open-sesame", ""), `{"valid":false}`)
		w.wantJSON("an empty one", w.do("GET", path+"?token=", ""), `{"valid":false}`)
		w.want("none", w.do("GET", path, ""), 400, "M_MISSING_PARAM")
		w.want("two", w.do("GET", path+"?token=a&token=b", ""), 400, "M_INVALID_PARAM")
		w.want("bad UTF-8", w.do("GET", path+"?token=%ff", ""), 400, "M_INVALID_PARAM")
		w.api.Accounts.Flows = nil
		w.want("at a closed server", w.do("GET", path+"?token=open-sesame", ""), 403, "M_FORBIDDEN")
	})
}

func TestAvailable(t *testing.T) {
	const path = v3 + "/register/available"
	each(t, func(w *world) {
		w.joined("alice")
		w.wantJSON("a free name", w.do("GET", path+"?username=bob", ""), `{"available":true}`)
		w.want("a taken one", w.do("GET", path+"?username=Alice", ""), 400, "M_USER_IN_USE")
		w.want("none that can be", w.do("GET", path+"?username=us,er", ""), 400, "M_INVALID_USERNAME")
		w.want("an empty one", w.do("GET", path+"?username=", ""), 400, "M_INVALID_USERNAME")
		w.want("none", w.do("GET", path, ""), 400, "M_MISSING_PARAM")
		w.api.Accounts.Flows = nil
		w.want("at a closed server", w.do("GET", path+"?username=bob", ""), 403, "M_FORBIDDEN")
	})
}

func TestDevices(t *testing.T) {
	each(t, func(w *world) {
		token := w.joined("alice")
		w.joined("bob")
		login := w.do("POST", v3+"/login", `{"type":"m.login.password","user":"alice","password":"`+password+`","device_id":"a/b","initial_device_display_name":"Phone"}`)
		phone := login.str("access_token")
		const device = v3 + "/devices/a%2Fb"
		seen := w.clock.Now().Truncate(60 * 60 * 1e9).UnixMilli()
		w.wantJSON("the device", w.do("GET", device, "", bearer(token)), fmt.Sprintf(`{"device_id":"a/b","display_name":"Phone","last_seen_ts":%d}`, seen))
		w.wantJSON("renaming it", w.do("PUT", device, `{"display_name":"Old phone"}`, bearer(token)), `{}`)
		w.wantJSON("leaving its name", w.do("PUT", device, `{}`, bearer(token)), `{}`)
		var list struct {
			Devices []map[string]any `json:"devices"`
		}
		all := w.do("GET", v3+"/devices", "", bearer(token))
		if err := json.Unmarshal([]byte(all.text), &list); err != nil || len(list.Devices) != 2 || list.Devices[0]["display_name"] != "Old phone" && list.Devices[1]["display_name"] != "Old phone" {
			w.Errorf("the devices are %s", all.text)
		}
		for _, call := range []struct{ method, path, body string }{{"GET", "/devices/NONE", ""}, {"PUT", "/devices/NONE", `{"display_name":"x"}`}, {"PUT", "/devices/NONE", `{}`}} {
			w.want(call.method+call.path, w.do(call.method, v3+call.path, call.body, bearer(token)), 404, "M_NOT_FOUND")
		}
		for body, code := range map[string]string{``: "M_NOT_JSON", `[]`: "M_BAD_JSON", `{"display_name":1}`: "M_BAD_JSON", `{"display_name":"\u0000"}`: "M_INVALID_PARAM"} {
			w.want("renaming to "+body, w.do("PUT", device, body, bearer(token)), 400, code)
		}
		asked := w.do("DELETE", device, "", bearer(token))
		if asked.status != 401 || asked.json["params"] == nil || asked.str("session") == "" {
			w.Errorf("deleting without a body = %d %s", asked.status, asked.text)
		}
		w.want("by a wrong password", w.do("DELETE", device, `{`+owner("wrong guess", "")+`}`, bearer(token)), 401, "M_FORBIDDEN")
		bobs := `{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"bob"},"password":"` + password + `"}}`
		w.want("by Bob's", w.do("DELETE", device, bobs, bearer(token)), 403, "M_FORBIDDEN")
		email := `{"auth":{"type":"m.login.password","identifier":{"type":"m.id.thirdparty","medium":"email","address":"a@b.c"},"password":"` + password + `"}}`
		w.want("by an address", w.do("DELETE", device, email, bearer(token)), 403, "M_FORBIDDEN")
		w.want("it is there still", w.do("GET", device, "", bearer(phone)), 200, "")
		w.wantJSON("by the owner's", w.do("DELETE", device, `{`+owner(password, asked.str("session"))+`}`, bearer(token)), `{}`)
		w.want("it is gone", w.do("GET", device, "", bearer(token)), 404, "M_NOT_FOUND")
		w.want("its token is", w.do("GET", device, "", bearer(phone)), 401, "M_UNKNOWN_TOKEN")
		w.wantJSON("once more", w.do("DELETE", device, `{`+owner(password, "")+`}`, bearer(token)), `{}`)
	})
}

func TestDeleteDevices(t *testing.T) {
	const path = v3 + "/delete_devices"
	each(t, func(w *world) {
		token := w.joined("alice")
		for _, id := range []string{"A", "B"} {
			w.want("logging in", w.do("POST", v3+"/login", `{"type":"m.login.password","user":"alice","password":"`+password+`","device_id":"`+id+`"}`), 200, "")
		}
		for body, code := range map[string]string{``: "M_NOT_JSON", `{}`: "M_BAD_JSON", `{"devices":"A"}`: "M_BAD_JSON", `{"devices":[1]}`: "M_BAD_JSON", `{"devices":null}`: "M_BAD_JSON", `{"devices":[],"auth":[]}`: "M_BAD_JSON"} {
			w.want("with "+body, w.do("POST", path, body, bearer(token)), 400, code)
		}
		session := w.do("POST", path, `{"devices":["A"]}`, bearer(token)).str("session")
		w.want("others by the session", w.do("POST", path, `{"devices":["A","B"],`+owner(password, session)+`}`, bearer(token)), 401, "M_FORBIDDEN")
		w.wantJSON("those it is for", w.do("POST", path, `{"devices":["A"],`+owner(password, session)+`}`, bearer(token)), `{}`)
		w.want("the first", w.do("GET", v3+"/devices/A", "", bearer(token)), 404, "M_NOT_FOUND")
		w.want("the second", w.do("GET", v3+"/devices/B", "", bearer(token)), 200, "")
	})
}

func TestPasswordAndDeactivation(t *testing.T) {
	const change, deactivate = v3 + "/account/password", v3 + "/account/deactivate"
	each(t, func(w *world) {
		token := w.joined("alice")
		other := w.do("POST", v3+"/login", `{"type":"m.login.password","user":"alice","password":"`+password+`"}`).str("access_token")
		w.want("without a token", w.do("POST", change, `{"new_password":"battery staple",`+owner(password, "")+`}`), 401, "M_FORBIDDEN")
		for body, code := range map[string]string{``: "M_NOT_JSON", `{}`: "M_BAD_JSON", `{"new_password":["x"]}`: "M_BAD_JSON", `{"new_password":"1234567"}`: "M_WEAK_PASSWORD", `{"new_password":"battery staple","logout_devices":"no"}`: "M_BAD_JSON"} {
			w.want("with "+body, w.do("POST", change, body, bearer(token)), 400, code)
		}
		session := w.do("POST", change, `{"new_password":"battery staple","logout_devices":false}`, bearer(token)).str("session")
		w.want("another password by the session", w.do("POST", change, `{"new_password":"hacked staple","logout_devices":false,`+owner(password, session)+`}`, bearer(token)), 401, "M_FORBIDDEN")
		w.wantJSON("the password", w.do("POST", change, `{"new_password":"battery staple","logout_devices":false,`+owner(password, session)+`}`, bearer(token)), `{}`)
		w.want("the other device", w.do("GET", v3+"/account/whoami", "", bearer(other)), 200, "")
		w.wantJSON("once more", w.do("POST", change, `{"new_password":"correct horse",`+owner("battery staple", "")+`}`, bearer(token)), `{}`)
		w.want("the other device then", w.do("GET", v3+"/account/whoami", "", bearer(other)), 401, "M_UNKNOWN_TOKEN")

		w.wantJSON("some data", w.do("PUT", v3+"/profile/@alice:hs.test/displayname", `{"displayname":"A"}`, bearer(token)), `{}`)
		asked := w.do("POST", deactivate, `{}`, bearer(token))
		w.want("deactivating", asked, 401, "")
		w.want("erasing by that session", w.do("POST", deactivate, `{"erase":true,`+owner(password, asked.str("session"))+`}`, bearer(token)), 401, "M_FORBIDDEN")
		w.want("by a wrong type", w.do("POST", deactivate, `{"erase":"yes"}`, bearer(token)), 400, "M_BAD_JSON")
		w.wantJSON("erasing", w.do("POST", deactivate, `{"erase":true,"id_server":"id.test",`+owner(password, "")+`}`, bearer(token)), `{"id_server_unbind_result":"success"}`)
		w.want("the token", w.do("GET", v3+"/account/whoami", "", bearer(token)), 401, "M_UNKNOWN_TOKEN")
		w.want("logging in", w.do("POST", v3+"/login", `{"type":"m.login.password","user":"alice","password":"`+password+`"}`), 403, "M_FORBIDDEN")
		w.want("the profile", w.do("GET", v3+"/profile/@alice:hs.test", ""), 404, "M_NOT_FOUND")
	})
}
