package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/dashboards"
	"github.com/closewatch/closewatch/dashboards/grafana"
	"github.com/closewatch/closewatch/dashboards/preview"
	"github.com/closewatch/closewatch/internal/wording"
)

// patience is how long Grafana and a source of data may take for one answer.
const patience = 30 * time.Second

// What generate dashboards does.
type dashboardsWanted struct {
	dir, address, source, files  string
	push, pushToken, sheet, read string
	span                         time.Duration
	dry, asJSON                  bool
}

func newGenerateDashboards() *cobra.Command {
	var w dashboardsWanted
	cmd := &cobra.Command{
		Use:   "dashboards",
		Short: "Write the Grafana dashboards",
		Long: `Write the Grafana dashboards as JSON files, byte-identical for the same version, and beside them what goes into Grafana's
provisioning directory: a folder that reads the files, and Closewatch as a Prometheus data source.

With --push they are brought into a running Grafana over its HTTP API instead, with the token of a service account that
has the role Editor. Each is known by its uid: what is different is printed and replaced, what is the same is left alone.
The API is spoken as Grafana documents it and tested against a stand-in of that shape, not against every release; look
with --dry-run first.

With --preview every dashboard is drawn into one HTML file with what its queries answer now, where there is no Grafana.`,
		Example: `  closewatch generate dashboards --out /etc/grafana/dashboards --url https://closewatch.example.com
  closewatch generate dashboards --push https://grafana.example.com --push-token-file /run/secrets/grafana --dry-run
  closewatch generate dashboards --preview dashboards.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w.address = strings.TrimRight(w.address, "/")
			if w.source == "" {
				w.source = w.address + "/prometheus"
			}
			switch {
			case w.push == "" && (w.dry || w.pushToken != ""):
				return errors.New("--dry-run and --push-token-file belong to --push")
			case w.push != "" && w.pushToken == "":
				return errors.New("--push needs --push-token-file: the file with the token of a service account of Grafana")
			}
			all, err := dashboards.All(dashboards.Options{URL: w.address})
			if err != nil {
				return &findings{err}
			}
			if w.push != "" {
				if err := w.toGrafana(cmd.Context(), cmd.OutOrStdout(), all); err != nil {
					return &findings{err}
				}
			}
			if w.sheet != "" {
				if err := w.drawn(cmd.Context(), cmd.OutOrStdout(), all); err != nil {
					return &findings{err}
				}
			}
			if w.push == "" && w.sheet == "" || cmd.Flags().Changed("out") {
				if err := w.written(cmd.OutOrStdout()); err != nil {
					return &findings{err}
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.address, "url", dashboards.DefaultURL, "where people reach Closewatch; the dashboards link to it")
	f.StringVarP(&w.dir, "out", "o", "dashboards", "directory to write to; made when it does not exist")
	f.StringVar(&w.files, "grafana-path", "", "where Grafana will find the directory (default: where it is written)")
	f.StringVar(&w.source, "source", "", "Prometheus API to read from (default: that of --url)")
	f.StringVar(&w.read, "source-token-file", "", "file with the token to show to the source (default $"+tokenFileVariable+")")
	f.StringVar(&w.push, "push", "", "address of a Grafana to bring the dashboards into")
	f.StringVar(&w.pushToken, "push-token-file", "", "file with the token of a service account of that Grafana")
	f.BoolVar(&w.dry, "dry-run", false, "with --push: print what would be done")
	f.BoolVar(&w.asJSON, "json", false, "with --push: print what was done as JSON")
	f.StringVar(&w.sheet, "preview", "", "HTML file to draw the dashboards into, with data of the source")
	f.DurationVar(&w.span, "span", time.Hour, "with --preview: how long the charts are")
	return cmd
}

func (w dashboardsWanted) written(out io.Writer) error {
	files, err := dashboards.Write(w.dir, dashboards.Options{URL: w.address})
	if err != nil {
		return err
	}
	if w.files == "" {
		if w.files, err = filepath.Abs(w.dir); err != nil {
			return err
		}
	}
	provisioning, err := dashboards.Provision(filepath.Join(w.dir, "provisioning"), w.source, w.files)
	if err != nil {
		return err
	}
	for _, f := range append(files, provisioning...) {
		fmt.Fprintln(out, f)
	}
	return nil
}

func (w dashboardsWanted) toGrafana(ctx context.Context, out io.Writer, all []dashboards.Dashboard) error {
	token, err := (&daemonAt{tokenFile: w.pushToken}).token()
	if err != nil {
		return err
	}
	g := grafana.Grafana{URL: w.push, Token: token, Client: &http.Client{Timeout: patience}}
	done, err := g.Push(ctx, all, w.dry)
	if w.asJSON {
		return errors.Join(printJSON(out, done), err)
	}
	printPushed(out, done, w.dry)
	return err
}

// maxChange is how many lines of a difference are printed of one dashboard.
const maxChange = 12

func printPushed(out io.Writer, done []grafana.Result, dry bool) {
	counted := map[grafana.Done]int{}
	for _, r := range done {
		counted[r.Done]++
		fmt.Fprintf(out, "%-9s  %s\n", r.Done, r.Title)
		for i, line := range r.Change {
			if i == maxChange {
				fmt.Fprintf(out, "             and %d more\n", len(r.Change)-i)
				break
			}
			fmt.Fprintf(out, "             %s\n", line)
		}
	}
	what := "done"
	if dry {
		what = "to be done; nothing was written"
	}
	fmt.Fprintf(out, "%s: %d created, %d replaced, %d unchanged\n", what, counted[grafana.Created], counted[grafana.Replaced], counted[grafana.Unchanged])
}

func (w dashboardsWanted) drawn(ctx context.Context, out io.Writer, all []dashboards.Dashboard) error {
	if w.span < time.Minute {
		return errors.New("--span is less than a minute; a chart of that says nothing")
	}
	token, err := (&daemonAt{tokenFile: w.read}).token()
	if err != nil {
		return err
	}
	page, err := preview.Render(ctx, all, preview.Options{
		Source: preview.Prometheus{URL: w.source, Token: token, Client: &http.Client{Timeout: patience}},
		At:     time.Now(), Span: w.span,
	})
	if err != nil {
		return err
	}
	if err := replace(w.sheet, page); err != nil {
		return fmt.Errorf("write the preview: %w", err)
	}
	fmt.Fprintf(out, "%s: %s\n", w.sheet, wording.Count(len(all), "dashboard", "dashboards"))
	return nil
}
