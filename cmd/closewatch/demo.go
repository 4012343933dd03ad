package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab/world"
)

func newDemo() *cobra.Command {
	var check, verbose bool
	var listen, only, keep string
	var rate float64
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the daemon on a whole estate in a box, with things to break",
		Long: `Start a finance estate on this machine — PostgreSQL primary and standby, Redis, Alertmanager, ingress, an Odoo stand-in,
business traffic — and the daemon on it. Print the addresses and run until Ctrl-C; meanwhile print what people are told, when they are, by
the routes that "closewatch generate alertmanager" writes for this estate. In another terminal:

  closewatch demo fault                 what can be broken
  closewatch demo fault posting-fails   break it, and watch the page appear
  closewatch demo fault clear           mend everything

With --check the faults that tell most run unattended, and it prints which alerts were expected and which came. With
--causes every fault does, and it prints which cause is ranked first when the verdict is there. Everything listens on loopback, lives in a temporary directory and is gone afterwards. Windows and holds are scaled: an hour takes two minutes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.DiscardHandler)
			if verbose {
				log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			}
			d, err := startDemo(cmd.Context(), demoSettings{out: cmd.OutOrStdout(), log: log, listen: listen, rate: rate, told: keep == ""})
			if err != nil {
				return &findings{err}
			}
			switch {
			case keep != "":
				err = d.causes(cmd.Context(), only, keep)
			case check:
				err = d.check(cmd.Context(), only)
			default:
				d.wait(cmd.Context())
			}
			if err := errors.Join(err, d.stop()); err != nil {
				return &findings{err}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "break it unattended and print which alerts came")
	cmd.Flags().StringVar(&only, "only", "", "with --check or --causes: only these faults, separated by commas")
	cmd.Flags().StringVar(&keep, "causes", "", "look whether the cause of every fault is found, alone and in pairs, and keep what each was judged by in this directory")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log what the daemon and the lab do")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9977", "address of the pages; port 0 takes any")
	cmd.Flags().Float64Var(&rate, "rate", 60, "invoices a minute")
	cmd.AddCommand(newDemoFault())
	return cmd
}

func newDemoFault() *cobra.Command {
	return &cobra.Command{
		Use:     "fault [NAME|clear]",
		Short:   "List what can be broken in the running demo, break it, or mend everything",
		Example: "  closewatch demo fault\n  closewatch demo fault standby-paused\n  closewatch demo fault clear",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if len(args) == 0 {
				t := newTable(out)
				t.AppendHeader(table.Row{"fault", "what it does"})
				for _, f := range world.Faults() {
					t.AppendRow(table.Row{f.Name, f.Does})
				}
				t.Render()
				return nil
			}
			answer, err := askDemo(cmd.Context(), args[0])
			if err != nil {
				return &findings{err}
			}
			fmt.Fprint(out, answer)
			return nil
		},
	}
}

type demoSettings struct {
	out    io.Writer
	log    *slog.Logger
	listen string
	rate   float64
	told   bool // print what people are told
}

// A demo is the running estate with the daemon on it.
type demo struct {
	demoSettings
	dir     string
	file    string // the estate
	data    string // the daemon's data directory
	world   *world.World
	daemon  *app.App
	control *demoControl
	hush    context.CancelFunc // ends telling
	telling sync.WaitGroup
}

// startDemo brings everything up, saying what it does.
func startDemo(ctx context.Context, s demoSettings) (_ *demo, err error) {
	began := time.Now()
	s.out = &wholeLines{to: s.out}
	d := &demo{demoSettings: s}
	defer func() { //nolint:contextcheck // stops with a deadline of its own
		if err != nil {
			err = errors.Join(err, d.stop())
		}
	}()
	if d.dir, err = os.MkdirTemp("", "closewatch-demo-"); err != nil {
		return nil, err
	}
	say := func(text string) { fmt.Fprintf(s.out, "[%4.0fs] %s\n", time.Since(began).Seconds(), text) }
	if d.world, err = world.Start(ctx, world.Options{Log: s.log, Progress: say, InvoicesPerMinute: s.rate}); err != nil {
		return nil, err
	}
	if d.file, err = d.world.WriteEstate(d.dir, s.listen); err != nil {
		return nil, err
	}
	if err := d.route(ctx); err != nil {
		return nil, err
	}
	d.world.OnChange(d.tellChange)
	if err := d.startDaemon(ctx, filepath.Join(d.dir, "data")); err != nil {
		return nil, err
	}
	say("starting the daemon; the first verdicts take a few seconds")
	if err := d.awaitHealthy(ctx, 90*time.Second); err != nil {
		return nil, err
	}
	if d.control, err = startControl(ctx, d); err != nil {
		return nil, err
	}
	say("everything works")
	d.printAddresses()
	if s.told {
		d.tell(ctx)
	}
	return d, nil
}

// startDaemon runs the daemon on a data directory.
func (d *demo) startDaemon(ctx context.Context, data string) error {
	plan, err := app.Load(d.file)
	if err != nil {
		return err
	}
	daemon, err := app.New(ctx, app.Settings{Plan: plan, Data: data, Version: buildVersion(), Log: d.log})
	if err != nil {
		return err
	}
	d.daemon, d.data = daemon, data
	daemon.Start(ctx)
	d.world.OnProbing(daemon.SetProbing)
	return nil
}

// afresh has another daemon take over that has seen nothing yet: the budget that
// one fault has spent, and how often an alert came and went, are nothing to the
// next.
func (d *demo) afresh(ctx context.Context, n int) error {
	stopping, cancel := context.WithTimeout(ctx, time.Minute) // a run that is stuck in what was broken has to end
	defer cancel()
	if err := d.daemon.Stop(stopping); err != nil {
		return err
	}
	return d.startDaemon(ctx, filepath.Join(d.dir, fmt.Sprintf("data-%d", n)))
}

// tellChange tells the daemon of a change, as a pipeline does.
func (d *demo) tellChange(ctx context.Context, component, what string) error {
	body, err := json.Marshal(app.Change{Kind: "deploy", Component: component, What: what, Reference: "pipeline-77"})
	if err != nil {
		return err
	}
	at := daemonAt{address: d.daemon.URL(), tokenFile: filepath.Join(d.dir, world.TokenFile)}
	var kept app.Change
	return at.tell(ctx, "/api/v1/changes", body, &kept)
}

func (d *demo) printAddresses() {
	ingress := d.world.Ingress.URL
	if d.world.Ingress.StandIn {
		ingress += "  (a stand-in for Traefik)"
	}
	t := newTable(nil)
	t.AppendRows([]table.Row{
		{"finance processes", d.daemon.URL() + "/"},
		{"incidents", d.daemon.URL() + "/incidents"},
		{"metrics", d.daemon.URL() + "/metrics"},
		{"Prometheus API, for Grafana", d.daemon.URL() + "/prometheus"},
		{"Alertmanager", d.world.Alertmanager.URL},
		{"ingress", ingress},
		{"estate file", d.file},
		{"token of an operator", filepath.Join(d.dir, world.TokenFile)},
		{"data directory", d.data},
	})
	fmt.Fprintln(d.out, t.Render())
	fmt.Fprintln(d.out, "Break something from another terminal: closewatch demo fault posting-fails. Ctrl-C ends the demo.")
	if d.told {
		fmt.Fprintln(d.out, "What people are told, when they are:")
	}
}

// awaitHealthy waits until every component and every exercised process works.
func (d *demo) awaitHealthy(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		waiting := d.daemon.NotYetHealthy()
		if len(waiting) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return &fault.Error{
				Op: "wait for the estate to be healthy", Kind: fault.Timeout, Err: errors.New("still waiting for " + strings.Join(waiting, "; ")),
				Hint: "run again with --verbose; a loaded machine may need longer",
			}
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// wait serves until ctx ends.
func (d *demo) wait(ctx context.Context) {
	<-ctx.Done()
	fmt.Fprintln(d.out, "\nstopping")
}

func (d *demo) stop() error {
	var errs []error
	if d.control != nil {
		errs = append(errs, d.control.stop())
	}
	if d.daemon != nil {
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		errs = append(errs, d.daemon.Stop(ctx))
		cancel()
	}
	if d.hush != nil {
		d.hush()
		d.telling.Wait()
	}
	if d.world != nil {
		errs = append(errs, d.world.Close())
	}
	if d.dir != "" {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}
