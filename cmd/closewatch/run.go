package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/telemetry"
)

// drainTime is how long the daemon may take to stop.
const drainTime = 5 * time.Second

// defaultEstate is looked for when no file is named.
const defaultEstate = "closewatch.yaml"

func newRun() *cobra.Command {
	var file, data, listen string
	var logs logFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon on an estate",
		Long: `Run the daemon: collect, exercise, decide, page and serve pages until SIGTERM or SIGINT, which drain within five
seconds. SIGHUP, and closewatch reload, read the estate again; a file with mistakes is refused and the running
configuration stays.

GOGC and GOMEMLIMIT are obeyed as by any Go program; without GOGC, garbage is collected twice as often as by Go's default.`,
		Example: "  closewatch run -f closewatch.yaml\n  closewatch run -f closewatch.yaml --data /var/lib/closewatch",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := logs.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			again := newReloads(file, log)
			defer again.close()
			plan, err := load(file)
			if err != nil {
				return err
			}
			defer keepSmall(cmd.Context())()
			s := app.Settings{Data: data, Listen: listen, Version: buildVersion(), Log: log, Reload: again.read}
			if err := again.serve(cmd.Context(), s, plan); err != nil {
				return &findings{err}
			}
			return nil
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().StringVar(&data, "data", "", "directory of all that is kept; overrides data in the estate")
	cmd.Flags().StringVar(&listen, "listen", "", "address of the web pages and /metrics; overrides web.listen in the estate")
	logs.register(cmd)
	return cmd
}

// mostLogged bounds what a reload says about the calendar.
const mostLogged = 20

// logCalendar says what a reload changes in the calendar, before it does.
func logCalendar(log *slog.Logger, changes []calendar.Change) {
	for i, c := range changes {
		if i == mostLogged {
			log.Warn("the calendar changes further", "changes", len(changes)-i, "hint", "closewatch calendar diff lists all")
			return
		}
		log.Warn("the calendar changes", "entity", c.Entity, "what", c.What, "change", c.Text)
	}
}

// load reads an estate; its mistakes are findings, a missing file is usage.
func load(file string) (*app.Plan, error) {
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no estate file %s; name one with -f, or start from deploy/examples/minimal.yaml", file)
	}
	plan, err := app.Load(file)
	if err != nil {
		return nil, &findings{err}
	}
	return plan, nil
}

func estateFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "file", "f", defaultEstate, "estate file")
}

// logFlags choose how the daemon logs.
type logFlags struct{ format, level string }

func (l *logFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.format, "log-format", "text", "text or json")
	cmd.Flags().StringVar(&l.level, "log-level", "info", "debug, info, warn or error")
}

func (l *logFlags) logger(out io.Writer) (*slog.Logger, error) {
	c := telemetry.Log{Format: l.format, Level: l.level}
	if ps := c.Validate(); len(ps) > 0 {
		return nil, fmt.Errorf("--log-%s %s; %s", ps[0].Field, ps[0].What, ps[0].Remedy)
	}
	return telemetry.NewLog(out, c), nil
}

// mistakesOf returns the mistakes in err.
func mistakesOf(err error) estate.Mistakes {
	ms, _ := errors.AsType[estate.Mistakes](err)
	return ms
}
