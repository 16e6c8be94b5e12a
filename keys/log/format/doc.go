// Package format lets keys/log read the entries of keys/entry: it is the Format of a log
// whose Map is a replay.State, whichever of the two logs that is. It stands apart so that
// whoever replays a log needs no database, and the log no entries.
package format
