package endpoint

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The proxy of the environment leads nowhere, so that every test fails that
// goes through it.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		if err := os.Setenv(name, "http://127.0.0.1:9"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}
