package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// The owner learns of keys that wait, and until when, and ends that.
func TestAnOwnerDiscardsKeysThatWait(t *testing.T) {
	w := newWorld(t)
	w.publish(0, "a0", "")
	w.seal()
	w.publish(1, "thief", "")
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "New keys are waiting, and the old key has not signed them", "on 15 November 2023 22:13 UTC")
	if got := words(shown.byID("history-waiting")); !strings.Contains(got, "Account @alice:example.org ed25519:master "+grouped("thief")) || !strings.Contains(got, "ed25519:PHONE "+grouped("thief phone")) {
		t.Errorf("of the keys that wait the owner is shown %q", got)
	}
	stranger := w.ownerOf("mallory@example.org").fields()
	stranger.Set("address", "alice@example.org")
	w.send(ownerForm+"/discard", stranger).says(http.StatusOK, "mallory@example.org")
	shown = shown.press(ownerForm).says(http.StatusOK, "New keys are waiting")
	done := shown.press(ownerForm+"/discard").says(http.StatusOK, "The new keys are discarded", "All is well")
	if strings.Contains(done.body, "history-waits") {
		t.Error("they wait still")
	}
	shown.press(ownerForm+"/discard").says(http.StatusOK, "All is well") // the same tab, gone back
	w.clock.Advance(25 * time.Hour)
	w.seal()
	w.ownerOf("alice@example.org").wantTold([]string{"Keys published"})
}

// Where no keys are published any more, there is no device with the old one, and the page sends nobody
// there.
func TestKeysThatWaitWhereNoneAre(t *testing.T) {
	w := newWorld(t)
	w.publish(0, "a0", "")
	w.seal()
	w.publish(1, "", "")
	w.seal()
	w.publish(2, "a2", "")
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "New keys are waiting. None are published for this address now", grouped("a2"))
	if strings.Contains(words(shown.byID("history-waits")), "device") {
		t.Error("the owner is sent to a device with the old key")
	}
	w.clock.Advance(25 * time.Hour)
	w.seal()
	w.ownerOf("alice@example.org").wantTold(
		[]string{"New keys published without an old key, after those before were revoked or erased", grouped("a2")}, []string{"Keys revoked"}, []string{"Keys published"})
	w.ownerOf("alice@example.org").press(ownerForm+"/erase", "sure", "1").says(http.StatusOK, "Erased")
	w.seal()
	w.publish(4, "a4", "")
	w.ownerOf("alice@example.org").says(http.StatusOK, "None are published for this address now", grouped("a4"))
}
