package acceptance

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/lab/world"
	"github.com/closewatch/closewatch/internal/wording"
)

// statements are what a section of a runbook has one type into the database.
func statements(t *testing.T, runbook, section string) []string {
	t.Helper()
	text, ok := wording.Runbook(runbook)
	if !ok {
		t.Fatalf("there is no runbook %s", runbook)
	}
	_, text, _ = strings.Cut(text, "\n## "+section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var out []string
	for _, m := range regexp.MustCompile("(?s)```sql\n(.*?)```|`(SELECT [^`]*;)`").FindAllStringSubmatch(text, -1) {
		out = append(out, strings.TrimSpace(m[1]+m[2]))
	}
	return out
}

// statement is the only one of a section that has a word in it.
func statement(t *testing.T, runbook, section, word string) string {
	t.Helper()
	all := slices.DeleteFunc(statements(t, runbook, section), func(s string) bool { return !strings.Contains(s, word) })
	if len(all) != 1 {
		t.Fatalf("%s has %d statements with %q under %s", runbook, len(all), word, section)
	}
	return all[0]
}

// Everything that runbooks have one ask the database is understood by it.
func TestFirstChecksOfRunbooksAreAnswered(t *testing.T) {
	w := shared.get(t)
	asked := 0
	for _, name := range wording.Runbooks() {
		for _, section := range []string{"First checks", "Verify recovery"} {
			for _, sql := range statements(t, name, section) {
				if strings.Contains(sql, "pg_get_wal_replay_pause_state") {
					continue // asked of the standby below
				}
				asked++
				_, err := w.Database.Value(t.Context(), "postgres", odoosim.Database, "SELECT count(*)::text FROM ("+strings.TrimSuffix(sql, ";")+") AS answer")
				if err != nil {
					t.Errorf("%s, %s: %v\n%s", name, section, err, sql)
				}
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d statements were asked", asked)
	}
}

// A fault is made, a first check of its runbook shows it, the step of the runbook
// is followed, and the check shows nothing any more.
func TestRunbooksMend(t *testing.T) {
	w := shared.get(t)
	tests := map[string]struct {
		fault, runbook, step string
		check                string // by a word of it; column is the one that tells
		column               string
		server               *lab.Postgres
		healthy              string
	}{
		"replay is paused": {
			fault: "standby-paused", runbook: "database", step: "pg_wal_replay_resume",
			check: "pg_get_wal_replay_pause_state", column: "*", server: w.Database.Standby, healthy: "not paused",
		},
		"a session holds up the others": {
			fault: "table-locked", runbook: "database", step: "pg_terminate_backend",
			check: "pg_blocking_pids", column: "coalesce(max(waits_for[1])::text, '')", server: w.Database, healthy: "",
		},
	}
	verified := map[string]bool{}
	for _, tt := range tests {
		verified[tt.fault] = true
	}
	for _, f := range world.Faults() {
		if _, why := byHand[f.Name]; why == verified[f.Name] {
			t.Errorf("the fault %s is followed by its runbook: %v; and by hand: %v", f.Name, verified[f.Name], why)
		}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() {
				if err := w.Clear(context.Background()); err != nil {
					t.Error(err)
				}
			})
			ask := func() string {
				t.Helper()
				sql := strings.TrimSuffix(statement(t, tt.runbook, "First checks", tt.check), ";")
				got, err := tt.server.Value(t.Context(), "postgres", odoosim.Database, "SELECT "+tt.column+" FROM ("+sql+") AS answer")
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			if err := w.Inject(t.Context(), tt.fault); err != nil {
				t.Fatal(err)
			}
			shown := ""
			await(t, time.Minute, func() string {
				if shown = ask(); shown == tt.healthy {
					return "the first check does not show " + tt.fault
				}
				return ""
			})
			step := strings.ReplaceAll(statement(t, tt.runbook, "Restore", tt.step), "PID", root(t, w.Database, shown))
			if err := tt.server.Exec(t.Context(), "postgres", odoosim.Database, step); err != nil {
				t.Fatalf("%v\n%s", err, step)
			}
			await(t, time.Minute, func() string {
				if got := ask(); got != tt.healthy {
					return "after " + step + " the first check says " + got
				}
				return ""
			})
		})
	}
}

// byHand lists the faults of the lab whose runbook no test can follow, and why.
var byHand = func() map[string]string {
	out := map[string]string{}
	for why, faults := range map[string]string{
		"a server is started or replaced: that is done on the machine, as its owner's own instructions say": "standby-killed primary-killed primary-frozen erp-stopped redis-stalled redis-killed traefik-stopped",
		"which of two servers stays, and what of the other is entered again, is a person's decision":        "split-brain",
		"a setting or a right is put back by whoever answers for it; the runbook says to ask":               "archiving-fails role-locked-out watcher-locked-out prober-refused prober-without-rights cron-deactivated redis-full redis-refuses-writes",
		"whose session it is has to be found out and asked first":                                           "transaction-forgotten connections-exhausted",
		"a deployment is taken back where it came from":                                                     "posting-fails module-deployed maintenance-page printing-fails",
		"people are asked to take turns, or work is made smaller":                                           "posting-slow workers-exhausted transactions-collide",
		"a process of Odoo is restarted, which the stand-in does not have as a process of its own":          "jobrunner-deaf jobrunner-gone",
		"for each job somebody finds out at the access point what became of it":                             "jobs-stuck jobs-fail",
		"it is the vendor's":     "bank-down",
		"it is no fault to mend": "idle-primary cpu-burn",
	} {
		for name := range strings.FieldsSeq(faults) {
			out[name] = why
		}
	}
	return out
}()

// root is the session at the end of a chain of those that wait, as a person
// follows it; what is no number is returned as it is.
func root(t *testing.T, server *lab.Postgres, pid string) string {
	t.Helper()
	for range 20 {
		if _, err := strconv.Atoi(pid); err != nil {
			return pid
		}
		next, err := server.Value(t.Context(), "postgres", "postgres", "SELECT coalesce((pg_blocking_pids("+pid+"))[1]::text, '')")
		if err != nil {
			t.Fatal(err)
		}
		if next == "" {
			return pid
		}
		pid = next
	}
	return pid
}
