package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// settings are what the environment says: the script gives IDSERVER and BENCH_DIR, usage
// tells of the others.
type settings struct {
	idserver string // the program to measure
	count    int
	duration time.Duration
	sessions int    // live ones, of email-full
	bindings int    // of lookup and keys
	replicas int    // servers on one database
	postgres string // URL, or empty for SQLite
	dir      string // of files, removed at the end
}

// errSetting is the error of a variable with a value that it cannot have.
var errSetting = errors.New("cannot be used")

func readSettings(getenv func(string) string) (settings, error) {
	s := settings{idserver: getenv("IDSERVER"), dir: getenv("BENCH_DIR"), count: 3, duration: 10 * time.Second, sessions: 100_000, bindings: 1_000_000, replicas: 1}
	errs := []error{
		readNumber(getenv, "COUNT", &s.count),
		readNumber(getenv, "SESSIONS", &s.sessions),
		readNumber(getenv, "BINDINGS", &s.bindings),
		readNumber(getenv, "REPLICAS", &s.replicas),
	}
	if s.idserver == "" || s.dir == "" {
		errs = append(errs, errors.New("this program is run by script/bench load"))
	}
	if text := getenv("DURATION"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			errs = append(errs, fmt.Errorf("DURATION=%s %w: it is a time such as 10s", text, errSetting))
		}
		s.duration = d
	}
	switch engine := getenv("ENGINE"); engine {
	case "", "sqlite":
		if s.replicas > 1 {
			errs = append(errs, fmt.Errorf("REPLICAS=%d %w: only with ENGINE=postgres can there be several", s.replicas, errSetting))
		}
	case "postgres":
		if s.postgres = getenv("SIGNET_TEST_POSTGRES"); s.postgres == "" {
			errs = append(errs, fmt.Errorf("ENGINE=postgres %w: SIGNET_TEST_POSTGRES must be the URL of a server", errSetting))
		}
	default:
		errs = append(errs, fmt.Errorf("ENGINE=%s %w: it is sqlite or postgres", engine, errSetting))
	}
	return s, errors.Join(errs...)
}

func readNumber(getenv func(string) string, name string, n *int) error {
	text := getenv(name)
	if text == "" {
		return nil
	}
	parsed, err := strconv.Atoi(text)
	if err != nil || parsed < 1 {
		return fmt.Errorf("%s=%s %w: it is a number from 1", name, text, errSetting)
	}
	*n = parsed
	return nil
}
