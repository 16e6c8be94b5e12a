package main

import (
	"errors"
	"testing"
	"time"
)

func read(env map[string]string) (settings, error) {
	full := map[string]string{"IDSERVER": "idserver", "BENCH_DIR": "folder"}
	for name, value := range env {
		full[name] = value
	}
	return readSettings(func(name string) string { return full[name] })
}

func TestSettings(t *testing.T) {
	const url = "postgres://signet@127.0.0.1/postgres"
	usual := settings{idserver: "idserver", dir: "folder", count: 3, duration: 10 * time.Second, sessions: 100_000, bindings: 1_000_000, replicas: 1,
		rooms: 100, messages: 1000, receivers: 200}
	short, postgres := usual, usual
	short.count, short.duration, short.sessions = 1, 1500*time.Millisecond, 20
	postgres.postgres = url
	beside := usual
	beside.rooms, beside.messages, beside.receivers, beside.base, beside.basePID = 5, 50, 2, "127.0.0.1:8009", 77
	two := postgres
	two.replicas = 2
	for _, c := range []struct {
		name string
		env  map[string]string
		want settings
	}{
		{"nothing set", nil, usual},
		{"all set", map[string]string{"COUNT": "1", "DURATION": "1.5s", "SESSIONS": "20", "ENGINE": "sqlite", "SIGNET_TEST_POSTGRES": url}, short},
		{"the other engine", map[string]string{"ENGINE": "postgres", "SIGNET_TEST_POSTGRES": url}, postgres},
		{"beside another homeserver", map[string]string{"ROOMS": "5", "MESSAGES": "50", "RECEIVERS": "2", "BASE": "http://127.0.0.1:8009/", "BASE_PID": "77"}, beside},
		{"two replicas", map[string]string{"ENGINE": "postgres", "REPLICAS": "2", "SIGNET_TEST_POSTGRES": url}, two},
	} {
		if got, err := read(c.env); err != nil || got != c.want {
			t.Errorf("%s: settings = %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for _, env := range []map[string]string{
		{"COUNT": "0"}, {"COUNT": "three"}, {"SESSIONS": "-1"}, {"DURATION": "10"}, {"DURATION": "-1s"}, {"DURATION": "0s"},
		{"ROOMS": "0"}, {"MESSAGES": "many"}, {"RECEIVERS": "0"}, {"BASE_PID": "-1"},
		{"BASE": "127.0.0.1:8009"}, {"BASE": "https://127.0.0.1:8009"}, {"BASE": "http://127.0.0.1"}, {"BASE": "http://:8009"}, {"BASE": "http://127.0.0.1:8009/x"},
		{"ENGINE": "mysql"}, {"ENGINE": "postgres"}, {"REPLICAS": "2"}, {"REPLICAS": "0"},
	} {
		if s, err := read(env); !errors.Is(err, errSetting) {
			t.Errorf("settings of %v = %+v, %v, want an error", env, s, err)
		}
	}
	if _, err := readSettings(func(string) string { return "" }); err == nil {
		t.Error("the program wants to run without its script")
	}
}

func TestChoose(t *testing.T) {
	all, err := choose(nil)
	if err != nil || len(all) != len(measurements()) {
		t.Errorf("no names choose %d, %v, want all", len(all), err)
	}
	for _, m := range measurements() {
		if got, err := choose([]string{m.name}); err != nil || len(got) != 1 || got[0].name != m.name {
			t.Errorf("choose(%s) = %v, %v", m.name, got, err)
		}
	}
	if _, err := choose([]string{"ping", "pong"}); !errors.Is(err, errName) {
		t.Errorf("an unknown name: %v, want %v", err, errName)
	}
}
