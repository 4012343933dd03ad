package lab

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// confName is included at the end of postgresql.conf, where it wins.
const confName = "lab.conf"

// configure writes the settings, the caller's winning, as one file of our
// own, so that writing it again replaces what was there.
func (p *Postgres) configure() error {
	all := p.settings()
	maps.Copy(all, p.extra)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(all[name], "'", "''"))
	}
	if err := p.write(confName, b.String()); err != nil {
		return err
	}
	main := filepath.Join(p.DataDir, "postgresql.conf")
	data, err := os.ReadFile(main)
	if err != nil {
		return err
	}
	include := "include '" + confName + "'\n"
	if strings.HasSuffix(string(data), include) {
		return nil
	}
	return p.write("postgresql.conf", string(data)+"\n"+include)
}

// prependHBA puts lines before those of initdb: the first that fits decides.
func (p *Postgres) prependHBA(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(p.DataDir, "pg_hba.conf"))
	if err != nil {
		return err
	}
	return p.write("pg_hba.conf", strings.Join(lines, "\n")+"\n"+string(data))
}

// write replaces a file of the data directory.
func (p *Postgres) write(name, text string) error {
	return p.writeFile(filepath.Join(p.DataDir, name), text)
}

// writeFile replaces a file that the server's user reads.
func (p *Postgres) writeFile(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return p.as.own(path)
}

// archiveCommand copies a segment into dir under its name in one step. It may
// be asked for the same segment again after a kill.
func archiveCommand(dir string) string {
	to := strings.ReplaceAll(shellQuote(dir), "%", "%%")
	return fmt.Sprintf(`cp "%%p" %[1]s/"%%f.new" && mv %[1]s/"%%f.new" %[1]s/"%%f"`, to)
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
