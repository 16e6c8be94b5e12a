package endtoend

import (
	"fmt"
	"path/filepath"
	"testing"
)

// The demo's whole story, told by the clients of others: people sign up with a CAPTCHA, terms
// and an address, invite by address across two homeservers, and log in by a code.

// townID is what the identity server of these stories is told beside the rest, by the names of
// the homeservers.
const townID = `
homeservers: {"%s": own, "%s": own}
terms:
  privacy: {version: "1", languages: {en: {name: Privacy, url: "http://localhost/privacy-1"}}}
`

// townHS is what the homeservers are.
const townHS = `
registration:
  flows:
    - [im.signet.captcha, m.login.terms, m.login.email.identity]
    - [im.signet.captcha, m.login.terms, m.login.msisdn]
  terms:
    rules: {version: "1", languages: {en: {name: Rules, url: "http://localhost/rules-1"}}}
login: {by_code: true}
`

// newTown is an identity server and two homeservers as operators have them, with their limits.
func newTown(t *testing.T, e engine) *trio {
	t.Helper()
	return newTrioWith(t, e, func(one, two string) (id, hs string) {
		return fmt.Sprintf(townID, one, two), townHS
	})
}

func TestTheTownByMatrixJSSDK(t *testing.T) {
	modules := nodeModules(t)
	t.Parallel()
	p := newTown(t, sqlite)
	hs := &homeserver{process: p.hs}
	hs.tell(scripts(t, modules), filepath.Join(modules, ".bin", "node"), "jssdk_town.mjs", p.hs.url, p.other.url, p.id.url)
}
