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
