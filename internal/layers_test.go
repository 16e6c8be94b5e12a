// Package internal_test holds the map of the project: who may import whom. The
// arrows point down; change the map here first.
package internal_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers lists, for each package, the packages of ours that it may import. A
// package that is not listed here has no place on the map.
var layers = map[string][]string{
	// Foundations: they know nobody above them.
	"internal/matrix":     {},
	"internal/threepid":   {},
	"internal/together":   {},
	"internal/store":      {"internal/together"},
	"internal/seal":       {"internal/store"},
	"internal/keyring":    {"internal/matrix", "internal/seal", "internal/store"},
	"internal/outbox":     {"internal/seal", "internal/store"},
	"internal/serverkeys": {"internal/keyring", "internal/matrix"},
	"internal/quota":      {"internal/matrix", "internal/seal", "internal/store"},
	"internal/deliver":    {"internal/threepid"},
	"internal/fedclient":  {"internal/matrix"},
	"internal/idclient":   {"internal/fedclient", "internal/matrix", "internal/threepid"},
	"internal/mxhttp":     {"internal/matrix"},
	"internal/crowd":      {"internal/matrix"},
	"internal/inturn":     {},
	"internal/config":     {"internal/matrix"},
	"internal/daemon":     {"internal/config"},
	"internal/localca":    {},
	"internal/freeport":   {},
	"internal/locale":     {},
	"internal/look":       {},
	"internal/wording":    {"internal/locale"},
	"internal/program": {"internal/config", "internal/daemon", "internal/fedclient", "internal/keyring", "internal/localca", "internal/matrix",
		"internal/mxhttp", "internal/seal", "internal/store"},
	"internal/deliver/sms": {"internal/deliver", "internal/threepid"},
	"migrations":           {},

	// The domains of the identity server. Two arrows go sideways, to verify.
	"internal/caller": {"internal/crowd", "internal/fedclient", "internal/matrix", "internal/quota", "internal/seal", "internal/store"},
	"verify/message":  {"internal/locale", "internal/wording"},
	"verify/captcha":  {"internal/seal", "internal/store"},
	"verify/fraud":    {"internal/seal", "internal/store", "internal/threepid"},
	"verify": {"internal/deliver", "internal/deliver/sms", "internal/locale", "internal/matrix", "internal/outbox", "internal/quota",
		"internal/seal", "internal/store", "internal/threepid", "internal/wording", "verify/captcha", "verify/fraud", "verify/message"},
	"lookup/table":     {},
	"lookup/discovery": {"internal/matrix", "internal/quota", "internal/seal", "internal/store"},
	"lookup":           {"internal/matrix", "internal/seal", "internal/store", "internal/threepid", "internal/quota", "internal/together", "lookup/discovery", "lookup/table", "verify"},
	"lookup/movein":    {"internal/matrix", "internal/store", "internal/threepid", "lookup"},
	"lookup/invite": {"internal/deliver", "internal/deliver/sms", "internal/fedclient", "internal/locale", "internal/matrix", "internal/outbox",
		"internal/quota", "internal/seal", "internal/store", "internal/threepid", "internal/wording", "lookup/invite/message", "verify/fraud"},
	"lookup/invite/message": {"internal/locale", "internal/wording"},
	"lookup/notice": {"internal/deliver", "internal/deliver/sms", "internal/locale", "internal/matrix", "internal/outbox", "internal/quota", "internal/store",
		"internal/threepid", "internal/wording", "lookup", "lookup/notice/words", "verify/fraud"},
	"lookup/notice/words": {"internal/locale", "internal/wording"},
	"keys/entry":          {"internal/matrix", "internal/threepid"},
	"keys/ladder":         {},
	"keys/vrf":            {},
	"keys/notary":         {"internal/fedclient", "internal/keyring", "internal/matrix", "internal/quota", "internal/serverkeys", "internal/store", "keys/entry"},
	"keys":                {"internal/keyring", "internal/matrix"},
	"keys/prefixtree":     {},
	"keys/log":            {"internal/store"},
	"keys/logkeys":        {"internal/matrix", "keys/entry", "keys/value"},
	"keys/log/keeper":     {"internal/keyring", "internal/matrix", "keys/entry", "keys/log", "keys/logkeys", "keys/value"},
	"keys/proof":          {"internal/matrix", "keys/entry", "keys/ladder", "keys/logkeys", "keys/prefixtree", "keys/value", "keys/vrf"},
	"keys/log/format":     {"keys/entry", "keys/log", "keys/replay"},
	"keys/replay":         {"keys/entry", "keys/logkeys", "keys/prefixtree"},
	"keys/audit":          {"keys/entry", "keys/log", "keys/logkeys", "keys/prefixtree", "keys/replay"},
	"keys/value":          {"internal/matrix", "keys/entry"},
	"keys/servers":        {"internal/matrix", "internal/store", "keys/entry", "keys/log", "keys/log/format", "keys/log/keeper", "keys/proof", "keys/replay"},
	"keys/people/feed":    {"keys/people", "lookup"},
	"keys/people": {"internal/keyring", "internal/matrix", "internal/quota", "internal/seal", "internal/store", "internal/threepid", "keys/entry", "keys/ladder", "keys/log", "keys/log/format", "keys/log/keeper",
		"keys/prefixtree", "keys/proof", "keys/replay", "keys/value", "keys/vrf", "verify"},

	// Its HTTP face.
	"web/api": {"internal/caller", "internal/locale", "internal/matrix", "internal/mxhttp", "internal/threepid", "keys", "keys/entry", "keys/log", "keys/notary", "keys/people", "keys/proof", "keys/value", "lookup",
		"lookup/discovery", "lookup/invite", "lookup/notice", "verify",
		"verify/captcha", "verify/fraud"},
	"web/page": {"internal/deliver", "internal/keyring", "internal/locale", "internal/look", "internal/matrix", "internal/mxhttp", "internal/threepid",
		"keys/entry", "keys/people", "keys/proof", "keys/value", "lookup", "lookup/invite", "verify", "verify/captcha", "verify/fraud"},

	// The homeserver: it talks to the identity server over HTTP alone, and verifies what its key
	// directory shows, as any client can.
	"internal/homeserver/event":          {"internal/matrix"},
	"internal/homeserver/authz":          {"internal/homeserver/event", "internal/matrix"},
	"internal/homeserver/stateres":       {"internal/homeserver/authz", "internal/homeserver/event"},
	"internal/homeserver/account":        {"internal/fedclient", "internal/homeserver/contact", "internal/idclient", "internal/matrix", "internal/seal", "internal/store", "internal/threepid"},
	"internal/homeserver/stream":         {"internal/matrix", "internal/store"},
	"internal/homeserver/receipt":        {"internal/homeserver/stream", "internal/matrix", "internal/store"},
	"internal/homeserver/turn":           {"internal/matrix"},
	"internal/homeserver/typing":         {"internal/homeserver/stream", "internal/matrix"},
	"internal/homeserver/push":           {"internal/homeserver/event", "internal/matrix"},
	"internal/homeserver/filter":         {},
	"internal/homeserver/userdata":       {"internal/homeserver/filter", "internal/homeserver/push", "internal/homeserver/stream", "internal/matrix", "internal/store"},
	"internal/homeserver/e2ee":           {"internal/homeserver/e2ee/signedkey", "internal/homeserver/stream", "internal/matrix", "internal/store"},
	"internal/homeserver/e2ee/roomkeys":  {"internal/matrix", "internal/store"},
	"internal/homeserver/e2ee/signedkey": {"internal/matrix"},
	"internal/homeserver/room": {"internal/homeserver/authz", "internal/homeserver/event", "internal/homeserver/filter", "internal/homeserver/stateres", "internal/homeserver/stream",
		"internal/inturn", "internal/matrix", "internal/store"},
	"internal/homeserver/departure": {"internal/homeserver/authz", "internal/homeserver/room", "internal/homeserver/stream", "internal/matrix", "internal/store"},
	"internal/homeserver/contact":   {"internal/fedclient", "internal/idclient", "internal/matrix", "internal/outbox", "internal/seal", "internal/store", "internal/threepid"},
	"internal/homeserver/sso":       {"internal/fedclient", "internal/homeserver/account", "internal/homeserver/contact", "internal/idclient", "internal/matrix", "internal/seal", "internal/store", "internal/threepid"},
	"internal/homeserver/unread":    {"internal/homeserver/authz", "internal/homeserver/event", "internal/homeserver/push", "internal/homeserver/receipt", "internal/homeserver/room", "internal/homeserver/stream", "internal/matrix"},
	"internal/homeserver/sync": {"internal/homeserver/e2ee", "internal/homeserver/event", "internal/homeserver/filter", "internal/homeserver/push", "internal/homeserver/receipt", "internal/homeserver/room",
		"internal/homeserver/stream", "internal/homeserver/typing", "internal/homeserver/unread", "internal/homeserver/userdata", "internal/matrix", "internal/store"},
	"internal/homeserver/remote":     {"internal/fedclient", "internal/homeserver/e2ee", "internal/homeserver/event", "internal/homeserver/stream", "internal/matrix"},
	"internal/homeserver/verifykeys": {"internal/fedclient", "internal/keyring", "internal/matrix", "internal/serverkeys", "internal/store"},
	"internal/homeserver/edu":        {"internal/homeserver/e2ee", "internal/homeserver/receipt", "internal/homeserver/room", "internal/homeserver/stream", "internal/matrix"},
	"internal/homeserver/outbound":   {"internal/fedclient", "internal/homeserver/e2ee", "internal/homeserver/receipt", "internal/homeserver/remote", "internal/homeserver/room", "internal/homeserver/stream", "internal/matrix", "internal/store", "internal/together"},
	"internal/homeserver/acl":        {"internal/homeserver/event", "internal/matrix"},
	"internal/homeserver/blocklist":  {"internal/homeserver/acl", "internal/idclient", "internal/matrix", "internal/store"},
	"internal/homeserver/inbound": {"internal/fedclient", "internal/homeserver/acl", "internal/homeserver/authz", "internal/homeserver/event", "internal/homeserver/remote",
		"internal/homeserver/room", "internal/inturn", "internal/matrix", "internal/store"},
	"internal/homeserver/thirdparty": {"internal/fedclient", "internal/homeserver/authz", "internal/homeserver/event", "internal/homeserver/remote", "internal/homeserver/room", "internal/idclient", "internal/matrix",
		"internal/store", "internal/threepid"},
	"internal/homeserver/resident":    {"internal/homeserver/acl", "internal/homeserver/event", "internal/homeserver/room", "internal/homeserver/stream", "internal/matrix"},
	"internal/homeserver/notary":      {"internal/fedclient", "internal/homeserver/event", "internal/matrix", "internal/serverkeys"},
	"internal/homeserver/transaction": {"internal/homeserver/stream", "internal/matrix", "internal/store"},
	"internal/homeserver/clientapi": {"internal/homeserver/account", "internal/homeserver/blocklist", "internal/homeserver/departure", "internal/homeserver/turn", "internal/homeserver/push", "internal/homeserver/typing", "internal/homeserver/receipt", "internal/homeserver/authz", "internal/homeserver/event", "internal/homeserver/room",
		"internal/homeserver/e2ee", "internal/homeserver/e2ee/roomkeys", "internal/homeserver/e2ee/signedkey", "internal/homeserver/filter", "internal/homeserver/stream",
		"internal/homeserver/sync", "internal/homeserver/userdata", "internal/idclient", "internal/matrix", "internal/mxhttp", "internal/quota", "internal/store", "internal/fedclient",
		"internal/homeserver/keycheck", "internal/homeserver/keydirectory", "internal/homeserver/publication", "keys/value",
		"internal/homeserver/remote", "internal/homeserver/inbound", "internal/homeserver/contact", "internal/homeserver/page", "internal/homeserver/publicrooms", "internal/homeserver/sso", "internal/homeserver/thirdparty", "internal/homeserver/userdirectory", "internal/threepid"},
	"internal/homeserver/page": {"internal/homeserver/account", "internal/homeserver/contact", "internal/homeserver/sso", "internal/idclient", "internal/locale", "internal/look", "internal/matrix", "internal/mxhttp",
		"internal/threepid"},
	"internal/homeserver/userdirectory": {"internal/homeserver/room", "internal/matrix"},
	"internal/homeserver/publicrooms":   {"internal/homeserver/room"},
	"internal/homeserver/keydirectory":  {"internal/fedclient", "internal/idclient", "internal/keyring", "internal/matrix", "internal/serverkeys", "internal/store", "keys/entry", "keys/proof", "keys/value"},
	"internal/homeserver/webclient":     {"internal/locale", "internal/look", "internal/matrix", "internal/mxhttp"},
	"internal/homeserver/devicelists":   {"internal/homeserver/e2ee", "internal/homeserver/stream", "internal/matrix", "internal/store"},
	"internal/homeserver/publication": {"internal/fedclient", "internal/homeserver/e2ee/signedkey", "internal/homeserver/keydirectory", "internal/homeserver/stream", "internal/idclient", "internal/matrix", "internal/store",
		"keys/entry", "keys/value"},
	"internal/homeserver/keycheck": {"internal/fedclient", "internal/homeserver/keydirectory", "internal/matrix", "keys/value"},
	"internal/homeserver/fedapi": {"internal/crowd", "internal/homeserver/blocklist", "internal/homeserver/account", "internal/homeserver/notary", "internal/keyring", "internal/matrix", "internal/mxhttp", "internal/quota", "internal/serverkeys",
		"internal/homeserver/authz", "internal/homeserver/event", "internal/homeserver/publicrooms", "internal/homeserver/resident", "internal/homeserver/room", "internal/homeserver/stream", "internal/store",
		"internal/homeserver/transaction", "internal/homeserver/inbound", "internal/homeserver/e2ee", "internal/homeserver/userdata", "internal/homeserver/thirdparty"},

	// What puts load on the servers talks HTTP to them, as a client does.
	"script/load": {"internal/freeport", "internal/localca", "internal/store", "keys/proof"},
}

// testSupport is for tests alone and may import anything.
var testSupport = []string{
	"internal/clocktest",
	"internal/config/configtest",
	"internal/deliver/sms/smstest",
	"internal/endtoend",
	"internal/homeserver/e2ee/e2eetest",
	"internal/homeserver/keydirectory/directorytest",
	"internal/homeserver/remote/remotetest",
	"internal/idclient/idclienttest",
	"internal/keyring/keyringtest",
	"internal/mxhttp/answerstest",
	"internal/seal/sealtest",
	"internal/serverkeys/serverkeystest",
	"internal/store/storetest",
	"keys/audit/audittest",
	"keys/log/keeper/keepertest",
	"keys/proof/prooftest",
	"verify/verifytest",
}

func TestLayers(t *testing.T) {
	for path, imports := range imports(t) {
		if strings.HasPrefix(path, "cmd/") || path == "internal" || slices.Contains(testSupport, path) {
			continue
		}
		allowed, known := layers[path]
		if !known {
			t.Errorf("%s is not on the map", path)
			continue
		}
		for _, i := range imports {
			if !slices.Contains(allowed, i) {
				t.Errorf("%s imports %s, which the map does not allow", path, i)
			}
		}
	}
}

// The pair proves the protocol only as long as neither program knows the inside of
// the other.
func TestTheHomeserverKnowsNothingOfTheIdentityServer(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "signet/cmd/homeserver").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"signet/verify", "signet/lookup", "signet/keys", "signet/keys/log", "signet/keys/notary", "signet/keys/people", "signet/web/api", "signet/internal/caller"} {
		if slices.Contains(strings.Fields(string(out)), path) {
			t.Errorf("cmd/homeserver depends on %s", path)
		}
	}
}

// Twilio's library is fit for use in parts: its root package, which imports all of
// it, takes a minute to compile.
func TestOnlyPartsOfTwilio(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "signet/cmd/idserver", "signet/internal/deliver/sms").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		part, found := strings.CutPrefix(path, "github.com/twilio/twilio-go")
		if found && part != "/rest/api/v2010" && !strings.HasPrefix(part, "/client") {
			t.Errorf("%s is among the dependencies", path)
		}
	}
}

// The map lists no package that is gone, so that it can be read as it stands.
func TestTheMapIsNotOlderThanTheLand(t *testing.T) {
	there := imports(t)
	for path := range layers {
		if _, ok := there[path]; !ok {
			t.Errorf("%s is on the map and nowhere else", path)
		}
	}
}

// imports lists every package of ours with the packages of ours that it imports
// directly, its tests aside.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "signet/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		path := strings.TrimPrefix(fields[0], "signet/")
		found[path] = nil
		for _, i := range fields[1:] {
			if ours, ok := strings.CutPrefix(i, "signet/"); ok {
				found[path] = append(found[path], ours)
			}
		}
	}
	return found
}
