package notary

import (
	"sync"
	"time"

	"signet/internal/matrix"
)

// shelf keeps documents. When it is full, those go that were used longest ago.
type shelf struct {
	mu       sync.Mutex // guards byServer and uses
	byServer map[matrix.ServerName]*kept
	uses     int64
}

// kept is what there is of a server.
type kept struct {
	used int64 // of shelf

	mu         sync.Mutex // guards what follows; who has it asks the server
	json       []byte     // nil: nothing yet
	validUntil time.Time
	tried      time.Time // when the server was asked last
}

// maxKept is how many servers there is something of: each at most serverkeys.MaxSize.
const maxKept = 500

// take is what there is of a server, nothing at first.
func (s *shelf) take(server matrix.ServerName) *kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uses++
	k := s.byServer[server]
	if k == nil {
		if s.byServer == nil {
			s.byServer = map[matrix.ServerName]*kept{}
		}
		if len(s.byServer) >= maxKept {
			s.clear()
		}
		k = &kept{}
		s.byServer[server] = k
	}
	k.used = s.uses
	return k
}

// clear makes room: what was not used in the last maxKept/2 takes goes.
func (s *shelf) clear() {
	for server, k := range s.byServer {
		if k.used <= s.uses-maxKept/2 {
			delete(s.byServer, server)
		}
	}
}
