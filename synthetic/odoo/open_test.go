package odoo_test

import (
	"net/http"
	"testing"
)

type (
	httpRequest  = http.Request
	httpResponse = http.Response
)

func openLedger(t *testing.T) ledger {
	t.Helper()
	l, ok := realLedger(t)
	if !ok {
		t.Fatal("no ledger")
	}
	return l
}
