package format_test

import (
	"testing"
	"time"

	"signet/keys/entry"
	"signet/keys/log/format"
)

func TestEntriesTellsKindsApart(t *testing.T) {
	config, err := entry.NewConfig([]byte(`{"origin":"id.example.org/users"}`))
	if err != nil {
		t.Fatal(err)
	}
	other, err := entry.NewConfig([]byte(`{"origin":"id.example.org/servers"}`))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name          string
		octets        []byte
		epoch, config bool
	}{
		{"EPOCH", entry.Epoch{Time: 1234, Position: 7}.Append(nil), true, false},
		{"CONFIG", config.Append(nil), false, true},
		{"CONFIG of another log", other.Append(nil), false, false},
		{"INSERT", entry.Insert{}.Append(nil), false, false},
		{"EPOCH with an octet more", append(entry.Epoch{}.Append(nil), 0), false, false},
		{"nothing", nil, false, false},
	}
	for _, test := range tests {
		e, err := format.Entries{}.Epoch(test.octets)
		if (err == nil) != test.epoch || err == nil && (e.Position != 7 || !e.Time.Equal(time.UnixMilli(1234))) {
			t.Errorf("%s: Epoch = %+v, %v", test.name, e, err)
		}
		if err := (format.Entries{}).Config(test.octets, "id.example.org/users"); (err == nil) != test.config {
			t.Errorf("%s: Config = %v", test.name, err)
		}
	}
}
