package acceptance

import (
	"context"
	"os/exec"
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

// typed finds what a runbook has one type into the database: a block, or code within
// a sentence.
var typed = regexp.MustCompile("(?s)```sql\n(.*?)```|`((?:SELECT|ALTER|UPDATE) [^`]*;)`")

// statements are what a section of a runbook has one type into the database.
func statements(t *testing.T, runbook, section string) []string {
	t.Helper()
	var out []string
	for _, m := range typed.FindAllStringSubmatch(sectionOf(t, runbook, section), -1) {
		out = append(out, strings.TrimSpace(m[1]+m[2]))
	}
	return out
}

func sectionOf(t *testing.T, runbook, section string) string {
	t.Helper()
	text, ok := wording.Runbook(runbook)
	if !ok {
		t.Fatalf("there is no runbook %s", runbook)
	}
	_, text, _ = strings.Cut(text, "\n## "+section+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// statement is the only one of a section that has a word in it.
func statement(t *testing.T, runbook, section, word string) string {
	t.Helper()
	return only(t, statements(t, runbook, section), word, runbook+", "+section)
}

func only(t *testing.T, all []string, word, where string) string {
	t.Helper()
	all = slices.DeleteFunc(all, func(s string) bool { return !strings.Contains(s, word) })
	if len(all) != 1 {
		t.Fatalf("%s: %d with %q", where, len(all), word)
	}
	return all[0]
}

// commands finds what a runbook has one ask of Redis.
var commands = regexp.MustCompile("redis-cli [^`\n]*")

// redis does what a runbook has one ask of Redis, by a word of it, and returns the
// answer.
func redis(t *testing.T, server *lab.Redis, runbook, section, word string) string {
	t.Helper()
	command := only(t, commands.FindAllString(sectionOf(t, runbook, section), -1), word, runbook+", "+section)
	said, err := exec.CommandContext(t.Context(), "redis-cli", append([]string{"-u", server.URL()}, strings.Fields(command)[1:]...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, said)
	}
	return string(said)
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

// A mending is a fault with a first check of its runbook that shows it and steps that
// mend it.
type mending struct {
	fault, runbook string
	healthy        string
	ask            func(t *testing.T, runbook string) string
	follow         func(t *testing.T, runbook, shown string)
}

// value asks a first check, by a word of it; column is what tells in its answer.
func value(server *lab.Postgres, word, column string) func(*testing.T, string) string {
	return func(t *testing.T, runbook string) string {
		t.Helper()
		sql := strings.TrimSuffix(statement(t, runbook, "First checks", word), ";")
		got, err := server.Value(t.Context(), "postgres", odoosim.Database, "SELECT "+column+" FROM ("+sql+") AS answer")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
}

// typing follows steps, each by a word of it, with what the check has shown in the
// places that a runbook writes in capitals.
func typing(server, whole *lab.Postgres, words ...string) func(*testing.T, string, string) {
	return func(t *testing.T, runbook, shown string) {
		t.Helper()
		user, name, two := strings.Cut(shown, "|")
		if !two {
			user, name = "", shown
		}
		fill := strings.NewReplacer("PID", root(t, whole, shown), "'USER'", "'"+user+"'", "NAME", name)
		for _, word := range words {
			step := fill.Replace(statement(t, runbook, "Restore", word))
			if err := server.Exec(t.Context(), "postgres", odoosim.Database, step); err != nil {
				t.Fatalf("%v\n%s", err, step)
			}
		}
	}
}

// number is that of a line of what Redis says; -1 where there is no such line.
func number(t *testing.T, said, name string) int {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + name + `:(\d+)`).FindStringSubmatch(said)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// mendings are the faults that are mended by what a runbook has one type.
func mendings(w *world.World) map[string]mending {
	primary, standby := w.Database, w.Database.Standby
	waits := value(primary, "pg_blocking_pids", "coalesce(max(waits_for[1])::text, '')")
	lockedOut := value(primary, "rolcanlogin", "coalesce(max(rolname::text) FILTER (WHERE rolname IN ('odoo', 'closewatch')), '')")
	return map[string]mending{
		"replay is paused": {
			"standby-paused", "database", "not paused",
			value(standby, "pg_get_wal_replay_pause_state", "*"), typing(standby, primary, "pg_wal_replay_resume"),
		},
		"a session holds up the others": {"table-locked", "database", "", waits, typing(primary, primary, "pg_terminate_backend(PID)")},
		"a transaction is forgotten":    {"transaction-forgotten", "database", "", waits, typing(primary, primary, "pg_terminate_backend(PID)")},
		"the archive's command was changed": {
			"archiving-fails", "database", "",
			value(primary, "last_failed_time", "CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity') THEN 'it fails' ELSE '' END"),
			typing(primary, primary, "RESET archive_command", "pg_reload_conf", "pg_switch_wal"),
		},
		"somebody holds the connections": {
			"connections-exhausted", "database", "",
			value(primary, "AS held", "coalesce(max(usename || '|' || application_name) FILTER (WHERE held > 40 AND state = 'idle'), '')"),
			typing(primary, primary, "application_name = 'NAME'"),
		},
		"Odoo's role may not log in": {"role-locked-out", "database", "", lockedOut, typing(primary, primary, "ALTER ROLE")},
		"the role that watches, too": {"watcher-locked-out", "database", "", lockedOut, typing(primary, primary, "ALTER ROLE")},
		"an action is switched off": {
			"cron-deactivated", "subscription-billing", "",
			value(primary, "recurring invoices", "coalesce(max(cron_name) FILTER (WHERE NOT active), '')"), typing(primary, primary, "UPDATE ir_cron"),
		},
		"the session store is full": {
			"redis-full", "redis", "",
			func(t *testing.T, runbook string) string {
				said := redis(t, w.Redis, runbook, "First checks", "INFO memory")
				if most := number(t, said, "maxmemory"); most > 0 && number(t, said, "used_memory") > most {
					return "it is full"
				}
				return ""
			},
			func(t *testing.T, runbook, _ string) { redis(t, w.Redis, runbook, "Restore", "maxmemory") },
		},
		"the session store wants replicas": {
			"redis-refuses-writes", "redis", "",
			func(t *testing.T, runbook string) string {
				if good := number(t, redis(t, w.Redis, runbook, "First checks", "INFO replication"), "min_slaves_good_slaves"); good == 0 {
					return "it has none"
				}
				return ""
			},
			func(t *testing.T, runbook, _ string) { redis(t, w.Redis, runbook, "Restore", "min-replicas-to-write") },
		},
	}
}

// A fault is made, a first check of its runbook shows it, the step of the runbook
// is followed, and the check shows nothing any more.
func TestRunbooksMend(t *testing.T) {
	w := shared.get(t)
	tests := mendings(w)
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
			if err := w.Inject(t.Context(), tt.fault); err != nil {
				t.Fatal(err)
			}
			shown := ""
			await(t, time.Minute, func() string {
				if shown = tt.ask(t, tt.runbook); shown == tt.healthy {
					return "the first check does not show " + tt.fault
				}
				return ""
			})
			tt.follow(t, tt.runbook, shown)
			await(t, time.Minute, func() string {
				if got := tt.ask(t, tt.runbook); got != tt.healthy {
					return "after what the runbook says the first check says " + got
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
		"an account of Odoo is given its rights again in Odoo, by whoever may":                              "prober-refused prober-without-rights",
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
