package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// Examine implements collector.Examiner: each server, the role, what the server
// must have loaded, and every task once, so that whatever a right or a lock
// denies is said.
func (i *instance) Examine(ctx context.Context) []collector.Finding {
	findings := i.examineServers(ctx)
	if !i.cluster.view(i.settings.Now()).Server.Up {
		return findings
	}
	results := i.ask(ctx, roleQuery, loadedQuery)
	findings = append(findings, i.examineRole(results[0])...)
	loaded := examineLoaded(results[1])
	findings = append(findings, loaded...)
	findings = append(findings, examineWay(i.cluster.faceName(i.settings.Now()), results[1])...)
	var asking []collector.Task
	for _, t := range i.Tasks() {
		switch t.Collector.(type) {
		case Server, Replication: // what the servers said above
		case *Statements: // nothing to try without what it reads
			if len(loaded) > 0 && loaded[0].State == collector.Fine {
				asking = append(asking, t)
			}
		default:
			asking = append(asking, t)
		}
	}
	return append(findings, collector.Try(ctx, asking)...)
}

// examineServers looks at each server once.
func (i *instance) examineServers(ctx context.Context) []collector.Finding {
	var looks sync.WaitGroup
	for _, s := range i.samplers {
		looks.Go(func() { s.look(ctx) })
	}
	looks.Wait()
	var findings []collector.Finding
	now := i.settings.Now()
	i.cluster.mu.Lock()
	defer i.cluster.mu.Unlock()
	for _, m := range i.cluster.sortedMembers() {
		err, well := m.err, ""
		if m.up(now) {
			well = "PostgreSQL " + m.look.version + ", primary"
			if m.look.recovering {
				well = "PostgreSQL " + m.look.version + ", standby"
			}
		} else if err == nil {
			err = silent(m.name)
		}
		findings = append(findings, collector.Judge("server "+m.name, well, err)...)
	}
	return findings
}

// roleQuery asks who we are. The settings are those of the role itself: ours of
// the session do not count.
var roleQuery = pgsession.Query{Name: "role", SQL: `
SELECT current_user AS role, quote_ident(current_user) AS quoted, r.rolsuper AS superuser, r.rolconnlimit AS connections,
       pg_has_role(current_user, 'pg_monitor', 'USAGE') AS monitor,
       r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls AS powers,
       array_to_string(r.rolconfig, E'\n') AS settings
  FROM pg_roles r WHERE r.rolname = current_user LIMIT 1`}

// leastConnections is what watching one server holds at most: the look, the
// statistics, one to each database whose tables are looked into or, of many, one
// after the other, and one that reads the names of relations.
const leastConnections = 1 + 1 + maxKept + 1

// connectionLimit is what deploy/sql/closewatch-role.sql allows the role: also to
// whoever asks what is missing meanwhile, and to read several databases of Odoo.
const connectionLimit = 15

// roleSettings bound the role whoever uses it, and the values to give them:
// those of deploy/sql/closewatch-role.sql.
var roleSettings = []struct{ name, value string }{
	{"default_transaction_read_only", "on"},
	{"statement_timeout", "'5s'"},
	{"lock_timeout", "'500ms'"},
}

func (i *instance) examineRole(r pgsession.Result) []collector.Finding {
	row := r.First()
	if r.Err != nil || row.String("role") == "" {
		return collector.Judge("role", "", r.Err)
	}
	role, quoted := row.String("role"), row.String("quoted")
	limit := fmt.Sprintf(" CONNECTION LIMIT %d;", connectionLimit)
	var findings []collector.Finding
	found := func(state collector.Standing, text, do string) {
		findings = append(findings, collector.Finding{Subject: "role", State: state, Text: text, Do: do})
	}
	superuser, _ := row.Bool("superuser")
	monitor, known := row.Bool("monitor")
	powers, _ := row.Bool("powers")
	switch {
	case superuser: // refused before anything was asked where that matters
		found(collector.Advised, role+" is a superuser and could change anything", "log in as closewatch, the role that deploy/sql/closewatch-role.sql makes")
	case !known:
		found(collector.Unclear, "the server does not say whether "+role+" has pg_monitor", "")
	case !monitor:
		found(collector.Missing, role+" does not have pg_monitor", "GRANT pg_monitor TO "+quoted+";")
	default:
		found(collector.Fine, role+", with pg_monitor", "")
	}
	if powers && !superuser {
		found(collector.Advised, role+" may more than read", "ALTER ROLE "+quoted+" NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;")
	}
	switch allowed, _ := row.Int("connections"); {
	case allowed < 0 && !superuser:
		found(collector.Advised, role+" may open any number of connections", "ALTER ROLE "+quoted+limit)
	case allowed >= 0 && allowed < leastConnections:
		found(collector.Missing, fmt.Sprintf("%s may open %d connections, and watching needs up to %d", role, allowed, leastConnections), "ALTER ROLE "+quoted+limit)
	}
	for _, s := range roleSettings {
		if !strings.Contains("\n"+row.String("settings"), "\n"+s.name+"=") {
			found(collector.Advised, "nothing but our sessions sets "+s.name, fmt.Sprintf("ALTER ROLE %s SET %s = %s;", quoted, s.name, s.value))
		}
	}
	return findings
}

// loadedQuery asks for what statistics of statements and of I/O need. What is
// preloaded is told to pg_monitor only, and asked as one row all the same.
var loadedQuery = pgsession.Query{Name: "loaded", SQL: `
SELECT current_database() AS database, quote_ident(current_database()) AS quoted,
       CASE WHEN pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')
            THEN current_setting('shared_preload_libraries') END AS preloaded, current_setting('track_io_timing') AS io_timing,
       current_setting('port') AS port,
       EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements') AS created,
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements') AS available`}

func examineLoaded(r pgsession.Result) []collector.Finding {
	if r.Err != nil {
		return collector.Judge("extension", "", r.Err)
	}
	row := r.First()
	const extension = "pg_stat_statements"
	f := collector.Finding{Subject: "extension", State: collector.Missing}
	created, _ := row.Bool("created")
	available, _ := row.Bool("available")
	preloaded, told := row.Text("preloaded")
	loaded := strings.Contains(preloaded, extension)
	switch {
	case created && loaded:
		f.State, f.Text = collector.Fine, extension+" is loaded and in database "+row.String("database")
	case !available:
		f.Text, f.Do = extension+" is not installed", "install the contrib package of this PostgreSQL on its server"
	case !told:
		f.State, f.Text = collector.Unclear, "whether "+extension+" is loaded is told to pg_monitor only"
	case !loaded:
		f.Text = extension + " is not loaded"
		f.Do = "ALTER SYSTEM SET shared_preload_libraries = '" + strings.Trim(preloaded+", "+extension, ", ") + "'; -- then restart PostgreSQL"
	default:
		f.Text, f.Do = extension+" is not in database "+row.String("database"), `psql -d `+row.String("quoted")+` -c "CREATE EXTENSION `+extension+`"`
	}
	findings := []collector.Finding{f}
	if row.String("io_timing") == "off" {
		findings = append(findings, collector.Finding{
			Subject: "I/O timing", State: collector.Advised, Text: "track_io_timing is off: how long reads and writes take is not known",
			Do: "ALTER SYSTEM SET track_io_timing = on; SELECT pg_reload_conf();",
		})
	}
	return findings
}

// examineWay notices that what is connected to is not where the server listens.
// PgBouncer in between would drop the timeouts that bound our statements, or
// refuse them: the server it is itself asked as says so then.
func examineWay(address string, r pgsession.Result) []collector.Finding {
	listens := r.First().String("port")
	if listens == "" || strings.HasSuffix(address, ":"+listens) || strings.HasSuffix(address, "."+listens) {
		return nil
	}
	return []collector.Finding{{
		Subject: "way", State: collector.Advised, Text: address + " leads to a server that listens on port " + listens,
		Do: "if a pooler such as PgBouncer is between, write the address of PostgreSQL itself",
	}}
}
