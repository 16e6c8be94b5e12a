package main

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// settings are what the environment says: the script gives BENCH_DIR and the program,
// usage tells of the others.
type settings struct {
	idserver, homeserver string // the program to measure
	count                int
	duration             time.Duration
	sessions             int    // live ones, of email-full
	bindings             int    // of lookup and keys
	replicas             int    // servers on one database
	rooms                int    // of an initial sync
	messages             int    // whose delivery is measured
	receivers            int    // of each, where there are many
	base                 string // host and port of another homeserver, or empty
	basePID              int    // its process, or 0
	postgres             string // URL, or empty for SQLite
	dir                  string // of files, removed at the end
}

// errSetting is the error of a variable with a value that it cannot have.
var errSetting = errors.New("cannot be used")

func readSettings(getenv func(string) string) (settings, error) {
	s := settings{idserver: getenv("IDSERVER"), homeserver: getenv("HOMESERVER"), dir: getenv("BENCH_DIR"), count: 3, duration: 10 * time.Second,
		sessions: 100_000, bindings: 1_000_000, replicas: 1, rooms: 100, messages: 1000, receivers: 200}
	errs := []error{
		readNumber(getenv, "COUNT", &s.count),
		readNumber(getenv, "SESSIONS", &s.sessions),
		readNumber(getenv, "BINDINGS", &s.bindings),
		readNumber(getenv, "REPLICAS", &s.replicas),
		readNumber(getenv, "ROOMS", &s.rooms),
		readNumber(getenv, "MESSAGES", &s.messages),
		readNumber(getenv, "RECEIVERS", &s.receivers),
		readNumber(getenv, "BASE_PID", &s.basePID),
		s.readBase(getenv("BASE")),
	}
	if s.idserver+s.homeserver == "" || s.dir == "" {
		errs = append(errs, errors.New("this program is run by script/bench"))
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

// readBase takes plain HTTP at a port: what is measured is the server, not a proxy.
func (s *settings) readBase(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Port() == "" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("BASE=%s %w: it is a URL such as http://127.0.0.1:8009", text, errSetting)
	}
	s.base = u.Host
	return nil
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
