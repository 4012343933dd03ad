package traefik

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the reader that the torture test kills, when the environment
// says so.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CLOSEWATCH_TEST_FOLLOW"); dir != "" {
		readUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}
