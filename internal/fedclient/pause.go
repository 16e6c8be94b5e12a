package fedclient

import "time"

// Hope is how often in a row a server fails until what it is asked for is given up: with a Pause
// after each, for three months.
const Hope = 370

// longestPause is how long a server that fails is left alone at most.
const longestPause = 6 * time.Hour

// Pause is how long a server is left alone that has failed so often in a row, once at least.
func Pause(failed int) time.Duration {
	return min(time.Minute<<min(max(failed, 1)-1, 10), longestPause)
}
