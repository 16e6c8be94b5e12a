package main

import (
	"errors"
	"time"
)

// replicas are the servers under load, on one database. Of the connections each has as
// many as the others.
type replicas []*server

func (r replicas) addrs() (all []string) {
	for _, s := range r {
		all = append(all, s.addr)
	}
	return all
}

func (r replicas) end() {
	for _, s := range r {
		s.end()
	}
}

// busy is how much processor time they have used together.
func (r replicas) busy() (total time.Duration, err error) {
	for _, s := range r {
		used, failed := s.busy()
		total, err = total+used, errors.Join(err, failed)
	}
	return total, err
}

// residentKB is how much memory the one that has the most has in use.
func (r replicas) residentKB() (most int, err error) {
	for _, s := range r {
		kb, failed := s.residentKB()
		most, err = max(most, kb), errors.Join(err, failed)
	}
	return most, err
}

// observe does something, and notes what was used meanwhile.
func (r replicas) observe(do func() ([]time.Duration, error)) (s sample, err error) {
	before, err := r.spent()
	if err != nil {
		return s, err
	}
	if s.took, err = do(); err != nil {
		return s, err
	}
	after, err := r.spent()
	if err != nil {
		return s, err
	}
	s.elapsed = after.at.Sub(before.at)
	s.server, s.own = after.server-before.server, after.own-before.own
	s.others = max(0, after.machine-before.machine-s.server-s.own)
	s.residentKB, err = r.residentKB()
	return s, err
}

// spent is processors' time up to a moment: of the servers, of this program, and of all
// that runs on the machine.
type spent struct {
	at                   time.Time
	server, own, machine time.Duration
}

func (r replicas) spent() (u spent, err error) {
	if u.server, err = r.busy(); err != nil {
		return u, err
	}
	if u.own, err = ownBusy(); err != nil {
		return u, err
	}
	u.machine, err = machineBusy()
	u.at = time.Now()
	return u, err
}
