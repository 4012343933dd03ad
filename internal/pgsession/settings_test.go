package pgsession_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

func TestAddresses(t *testing.T) {
	tests := map[string]struct {
		dsn  string
		want []string
	}{
		"one host":                       {"postgres://mon@db1/postgres?sslmode=require", []string{"db1:5432"}},
		"one host, with and without TLS": {"postgres://mon@db1:5433/postgres?sslmode=prefer", []string{"db1:5433"}},
		"several hosts":                  {"postgres://mon@db1:5433,db2/postgres", []string{"db1:5433", "db2:5432"}},
		"several hosts as keywords":      {"host=db1,db2 port=5433 user=mon", []string{"db1:5433", "db2:5433"}},
		"an IPv6 address":                {"postgres://mon@[::1]:5433/postgres", []string{"[::1]:5433"}},
		"a socket":                       {"host=/run/postgresql user=mon", []string{"/run/postgresql/.s.PGSQL.5432"}},
		"a host named twice counts once": {"host=db1,db1 user=mon", []string{"db1:5432"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := pgsession.Addresses(secret.New(tt.dsn))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Addresses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKindOfState(t *testing.T) {
	for code, want := range map[string]fault.Kind{
		"28P01": fault.Auth, "28000": fault.Auth, "42501": fault.Denied, "53300": fault.Limit, "57014": fault.Timeout,
		"55P03": fault.Locked, "40001": fault.Conflict, "40P01": fault.Conflict, "3D000": fault.Schema, "57P03": fault.Unavailable,
		"57P01": fault.Unavailable, "42703": fault.Schema, "42P01": fault.Schema, "25006": fault.Blocked, "08006": fault.Unreachable,
		"XX000": fault.Internal, "": fault.Internal, "22012": fault.Rejected,
	} {
		if got := pgsession.KindOfState(code); got != want {
			t.Errorf("KindOfState(%q) = %s, want %s", code, got, want)
		}
	}
}

func TestLSN(t *testing.T) {
	for text, want := range map[string]uint64{"0/0": 0, "16/B374D848": 0x16B374D848, "FFFFFFFF/FFFFFFFF": 1<<64 - 1} {
		got, err := pgsession.ParseLSN(text)
		if err != nil || got != want {
			t.Errorf("ParseLSN(%q) = %d, %v; want %d", text, got, err, want)
		}
		if back := pgsession.FormatLSN(got); back != text {
			t.Errorf("FormatLSN(%d) = %s, want %s", got, back, text)
		}
	}
	for _, text := range []string{"", "1", "/", "x/1", "1/100000000"} {
		if got, err := pgsession.ParseLSN(text); err == nil {
			t.Errorf("ParseLSN(%q) = %d, want an error", text, got)
		}
	}
}
