package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/alerts/messages"
	"github.com/closewatch/closewatch/alerts/routing"
	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/wording"
)

func newGenerateAlertmanager() *cobra.Command {
	var file, dir, receivers, from, horizon string
	var templates []string
	var fragment, asJSON bool
	cmd := &cobra.Command{
		Use:   "alertmanager",
		Short: "Write how Alertmanager brings alerts to people",
		Long: `Write an Alertmanager's configuration for the alerts of an estate: routes by severity, tier and team, inhibition, and time
intervals from the finance calendar, laid out day by day for --horizon. What is business-critical is muted by nothing.
With --fragment only what is to be added to a configuration that others use, too.

Who is told is written by you, in a file with a list under receivers as Alertmanager has it, without secrets: those stand
in files of their own (routing_key_file, api_url_file, credentials_file). A receiver that it lacks reaches nobody, and
this command says which. The same version, estate and month give the same bytes.

With --out the templates of what people read are written beside the configuration, and receivers of Slack, Microsoft
Teams, mail, PagerDuty and Opsgenie speak by them; a field that you wrote stays as it is.`,
		Example: "  closewatch generate alertmanager -f closewatch.yaml --receivers receivers.yml -o /etc/alertmanager",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := load(file)
			if err != nil {
				return err
			}
			o := app.RoutingOptions{Version: buildVersion(), From: time.Now(), Templates: templates}
			if from != "" {
				if o.From, err = time.Parse(time.DateOnly, from); err != nil {
					return fmt.Errorf("--from %q is not a day; write it as 2026-12-01", from)
				}
			}
			length, err := model.ParseDuration(horizon)
			if o.Horizon = time.Duration(length); err != nil || o.Horizon < 0 || o.Horizon > longestHorizon {
				return fmt.Errorf("--horizon %q is not a time of up to two years; write 90d", horizon)
			}
			book, err := readReceivers(receivers)
			if err != nil {
				return err
			}
			config, err := plan.Routing(o)
			if err != nil {
				return &findings{err}
			}
			var speak, written []string
			if dir != "" {
				config.Templates = append([]string{messages.Glob}, config.Templates...)
				book, speak = book.Worded(wordings())
				if written, err = writeTemplates(dir); err != nil {
					return &findings{fmt.Errorf("write templates: %w", err)}
				}
			}
			name, content := "alertmanager.yml", config.File(book)
			if fragment {
				name, content = "closewatch-routes.yml", config.Fragment(book)
			}
			if dir != "" { // after what it names
				if err := writeTo(dir, name, content); err != nil {
					return &findings{fmt.Errorf("write routes: %w", err)}
				}
			}
			nobody, unused := book.Nobody(config), book.Unused(config)
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{
					"file": filepath.Join(dir, name), "receivers": listed(config.Receivers), "reach_nobody": listed(nobody), "unused": listed(unused),
					"until": config.Until.Format(time.DateOnly), "templates": listed(written), "speak_by_templates": listed(speak),
				})
			}
			if dir == "" {
				_, err = cmd.OutOrStdout().Write(content)
			} else {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, the calendar until %s\n%s: %s\n", filepath.Join(dir, name),
					wording.Count(len(config.Receivers), "receiver", "receivers"), config.Until.Format(time.DateOnly),
					filepath.Join(dir, messages.Glob), spoken(written, speak))
			}
			if len(nobody) > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "nobody hears of what goes to %s: write them in a file and name it with --receivers\n", strings.Join(nobody, ", "))
			}
			if len(unused) > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "no route leads to %s of %s\n", strings.Join(unused, ", "), receivers)
			}
			return err
		},
	}
	estateFlag(cmd, &file)
	cmd.Flags().StringVarP(&dir, "out", "o", "", "directory to write to; without it the configuration is printed")
	cmd.Flags().StringVar(&receivers, "receivers", "", "file with the receivers, as Alertmanager has them, secrets by file")
	cmd.Flags().BoolVar(&fragment, "fragment", false, "only what is added to a configuration that others use, too")
	cmd.Flags().StringVar(&horizon, "horizon", "90d", "how far the calendar is laid out, up to whole months")
	cmd.Flags().StringVar(&from, "from", "", "day from whose month on it is; default: today")
	cmd.Flags().StringArrayVar(&templates, "templates", nil, "message templates of your own that Alertmanager reads, such as /etc/alertmanager/ours/*.tmpl; may be repeated")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as JSON")
	return cmd
}

// longestHorizon is as far as a calendar is compiled anywhere.
const longestHorizon = 2 * 366 * 24 * time.Hour

func readReceivers(file string) (routing.Book, error) {
	if file == "" {
		return routing.Book{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		if pe, ok := errors.AsType[*os.PathError](err); ok {
			err = pe.Err
		}
		return routing.Book{}, fmt.Errorf("%s: cannot be read: %w; name a file with a list under receivers", file, err)
	}
	return routing.ReadBook(file, text)
}

// wordings has receivers speak by the templates, and tell of what is over: where
// nothing is written of that, Slack and mail do not.
func wordings() []routing.Wording {
	var out []routing.Wording
	for _, r := range messages.Receivers() {
		w := routing.Wording{Config: r.Config, Settings: []routing.Setting{{Name: "send_resolved", Value: true}}}
		for _, f := range r.Fields {
			w.Settings = append(w.Settings, routing.Setting{In: f.In, Name: f.Name, Value: f.Text})
		}
		out = append(out, w)
	}
	return out
}

// writeTemplates writes the templates of messages and returns the paths.
func writeTemplates(dir string) ([]string, error) {
	var paths []string
	for _, f := range messages.Files() {
		if err := writeTo(dir, f.Name, []byte(f.Content)); err != nil {
			return nil, err
		}
		paths = append(paths, filepath.Join(dir, f.Name))
	}
	return paths, nil
}

// spoken says who speaks by the templates.
func spoken(templates, by []string) string {
	said := wording.Count(len(templates), "template", "templates") + " of messages"
	switch len(by) {
	case 0:
		return said + "; no receiver speaks by them"
	case 1:
		return said + "; " + by[0] + " speaks by them"
	default:
		return said + "; " + strings.Join(by, ", ") + " speak by them"
	}
}

// writeTo writes a file of a directory, which is made when it does not exist.
func writeTo(dir, name string, content []byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return replace(filepath.Join(dir, name), content)
}
