// Package freeport finds ports for programs that are told theirs before they start, and
// that listen there again after each restart: in tests, and where load is measured.
//
// A port that the system has chosen (port 0) will not do for them: as long as the program is
// down, the system may give it to any connection that goes out.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// The ports to choose from lie below those that Linux, and every system that keeps to
// RFC 6335 section 6, gives to connections.
const (
	lowest = 10_000
	beyond = 32_768
)

// taken holds what keeps the ports of this process ours, until it ends.
var taken struct {
	sync.Mutex
	marks []net.PacketConn
}

// Take returns a TCP port of 127.0.0.1 on which nothing listens, and which no other call
// returns as long as this process lives, be it in another process.
func Take() (string, error) {
	return take(func() int { return lowest + rand.N(beyond-lowest) })
}

// take is Take with the ports to try. The UDP port of the same number is the mark that a
// port is taken: nobody here wants it, and the system gives up marks with their process.
func take(next func() int) (string, error) {
	var last error
	for range 100 {
		port := strconv.Itoa(next())
		mark, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		if err != nil {
			last = err
			continue
		}
		if err := free(port); err != nil {
			mark.Close()
			last = err
			continue
		}
		taken.Lock()
		taken.marks = append(taken.marks, mark)
		taken.Unlock()
		return port, nil
	}
	return "", fmt.Errorf("freeport: no port is free: %w", last)
}

// free is nil if a program could listen on the port.
func free(port string) error {
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	return l.Close()
}
