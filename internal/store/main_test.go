package store_test

import (
	"os"
	"testing"
)

// disk is the environment variable that names a folder on a disk, where tests' files
// otherwise lie in memory: what is synced here meets one.
const disk = "SIGNET_TEST_DISK"

func TestMain(m *testing.M) {
	if folder := os.Getenv(disk); folder != "" {
		os.Setenv("TMPDIR", folder)
	}
	m.Run()
}
