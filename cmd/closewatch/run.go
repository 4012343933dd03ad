package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
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
seconds. SIGHUP reads the estate again; a file with mistakes is refused and the running configuration stays.`,
		Example: "  closewatch run -f closewatch.yaml\n  closewatch run -f closewatch.yaml --data /var/lib/closewatch",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := logs.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			hup := make(chan os.Signal, 1)
			signal.Notify(hup, syscall.SIGHUP)
			defer signal.Stop(hup)
			plan, err := load(file)
			if err != nil {
				return err
			}
			for {
				again, err := serve(cmd.Context(), app.Settings{Plan: plan, Data: data, Listen: listen, Version: buildVersion(), Log: log}, file, hup)
				if err != nil {
					return &findings{err}
				}
				if again == nil {
					return nil
				}
				plan = again
			}
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().StringVar(&data, "data", "", "directory of all that is kept; overrides data in the estate")
	cmd.Flags().StringVar(&listen, "listen", "", "address of the web pages and /metrics; overrides web.listen in the estate")
	logs.register(cmd)
	return cmd
}

// serve runs the daemon until ctx ends, or until a new plan replaces the
// running one, which it returns.
func serve(ctx context.Context, s app.Settings, file string, hup <-chan os.Signal) (*app.Plan, error) {
	daemon, err := app.New(ctx, s)
	if err != nil {
		return nil, err
	}
	daemon.Start(ctx)
	var next *app.Plan
	for next == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-hup:
			plan, err := app.Load(file)
			if err != nil {
				s.Log.Error("the estate has mistakes; the running configuration stays", "file", file, "err", err)
				continue
			}
			s.Log.Info("reading the estate again", "file", file)
			logCalendar(s.Log, app.CalendarChanges(s.Plan, plan, time.Now()))
			next = plan
		}
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return next, daemon.Stop(drain)
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
