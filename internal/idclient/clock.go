package idclient

import (
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// ClockDiffers is the error of an identity server by whose clock a signed call was not made now
// (IM.SIGNET.CLOCK_DIFFERS). It passes when somebody has set the clock that is wrong; which of
// the two that is nobody here can tell. It unwraps to the fedclient.Refusal.
type ClockDiffers struct {
	Ahead   time.Duration // is the identity server's clock, negative where it is behind; 0 where it does not say
	Refusal fedclient.Refusal
}

func (e ClockDiffers) Error() string {
	return fmt.Sprintf("%v: the identity server's clock is %s this server's", unquoted{e.Refusal}, distance(e.Ahead))
}

func (e ClockDiffers) Unwrap() error { return e.Refusal }

// distance says how far a clock is from another one.
func distance(ahead time.Duration) string {
	ahead = ahead.Round(time.Second)
	switch {
	case ahead > 0:
		return ahead.String() + " ahead of"
	case ahead < 0:
		return (-ahead).String() + " behind"
	}
	return "minutes or more away from"
}

// clockDiffers says what it means, and has the log say it. Nothing else is done with what the
// other server says its clock is.
func (c *Client) clockDiffers(of Server, answer fedclient.Response, refused fedclient.Refusal) error {
	var said struct {
		TS int64 `json:"im.signet.ts"` // what it says that the time is, in milliseconds since 1970
	}
	e := ClockDiffers{Refusal: refused}
	now := c.Now()
	if json.Unmarshal(answer.Body, &said) == nil && said.TS > 0 {
		e.Ahead = time.UnixMilli(said.TS).Sub(now)
	}
	if c.clocks.unsaid(of.Name, now) {
		c.Log.Error("the clocks of this server and of the identity server differ, so that it refuses what this server signs: notices to owners, who is to be found or not any more, keys. "+
			"All of it waits and is tried again. Look on both machines which clock is wrong, and set that one",
			"identity_server", of.Name, "its_clock_is", distance(e.Ahead)+" this server's", "this_clock", now.UTC().Format(time.RFC3339))
	}
	return e
}

// sayAgain is how long it is enough to have said that clocks differ.
const sayAgain = time.Hour

// clocks remembers at which identity servers it was said that clocks differ. It is ready for use
// as it is.
type clocks struct {
	mu   sync.Mutex
	said map[matrix.ServerName]time.Time // guarded by mu: when, by this server's clock
}

// unsaid tells whether it is time to say it of a server, and takes it for said. A clock that was
// set back meanwhile makes it time.
func (c *clocks) unsaid(of matrix.ServerName, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, known := c.said[of]
	if since := now.Sub(last); known && since >= 0 && since < sayAgain {
		return false
	}
	if c.said == nil {
		c.said = map[matrix.ServerName]time.Time{}
	}
	c.said[of] = now
	return true
}
