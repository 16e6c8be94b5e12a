package clientapi_test

import (
	"fmt"
	"testing"
	"time"

	"signet/internal/homeserver/turn"
)

// Whoever has an account may relay calls for a while, where there is a server for that.
func TestTURN(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		const path = "GET /voip/turnServer"
		w.wantJSON("without a server", w.call(alice, path, ""), `{}`)
		w.api.TURN = &turn.Server{URIs: []string{"turn:turn.test?transport=udp"}, Secret: []byte("secret"), TTL: time.Hour}
		a := w.call(alice, path, "")
		good := w.api.TURN.Credentials("@alice:hs.test", w.clock.Now())
		w.wantJSON("with one", a, fmt.Sprintf(`{"username":"%s","password":"%s","uris":["turn:turn.test?transport=udp"],"ttl":3600}`, good.Username, good.Password))
		w.want("for nobody", w.do("GET", v3+"/voip/turnServer", ""), 401, "M_MISSING_TOKEN")
		w.clock.Advance(time.Hour)
		if later := w.call(alice, path, ""); later.str("username") == a.str("username") {
			w.Errorf("an hour later it is still %s", later.text)
		}
	})
}
