package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo/setup"
)

// adminPassword is the variable with the administrator's password: the command
// line is seen by every user of a machine.
const adminPassword = "CLOSEWATCH_ODOO_ADMIN_PASSWORD"

// setupTimeout bounds one call of the administrator: loading a chart of
// accounts takes 2 to 10 s on a quiet server.
const setupTimeout = 110 * time.Second

// A setupCommand is one run of probe setup.
type setupCommand struct {
	file, component            string
	url, database, environment string
	adminLogin, adminFile      string
	passwordFile               string
	login, name                string
	apply, remove, asJSON      bool

	target app.OdooTarget
	out    io.Writer
}

func newProbeSetup() *cobra.Command {
	c := &setupCommand{}
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Print, or make on staging, the company and user that flows write with",
		Long: `Print what flows need in Odoo to write: a company that exists for nothing else, its journals, customer and product, a
user who may enter that company alone and, where queue_job is installed, one test job. Each step names the menu in which
a person does it by hand.

With --admin-login it looks at every step and says what is missing; nothing is changed. With --apply it makes what is
missing and prints the lines to paste into the estate; a second time it changes nothing. With --remove it takes all back,
and archives what Odoo does not delete. Both are refused in production: there the controller decides, and an administrator
does it by hand.

The administrator's password is read from --admin-password-file or from ` + adminPassword + `. The monitoring user's
goes to --password-file and is never printed.

Exit 1 when something is missing or failed.`,
		Example: "  closewatch probe setup\n  closewatch probe setup -f closewatch.yaml --admin-login admin --admin-password-file admin.txt\n" +
			"  closewatch probe setup --url https://erp.staging.example.com --database erp --environment staging --admin-login admin --password-file probe.txt --apply",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.out = cmd.OutOrStdout()
			if err := c.prepare(cmd.Flags().Changed("file")); err != nil {
				return err
			}
			return c.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	estateFlag(cmd, &c.file)
	f.StringVar(&c.component, "component", "", "Odoo component of the estate, when there are several")
	f.StringVar(&c.url, "url", "", "address of Odoo, when there is no estate yet")
	f.StringVar(&c.database, "database", "", "its database")
	f.StringVar(&c.environment, "environment", "", "its environment, such as staging")
	f.StringVar(&c.adminLogin, "admin-login", "", "administrator who looks and makes")
	f.StringVar(&c.adminFile, "admin-password-file", "", "file with the administrator's password")
	f.StringVar(&c.passwordFile, "password-file", "", "file that keeps the monitoring user's password")
	f.StringVar(&c.login, "login", "", "login of the monitoring user; the estate's, or "+setup.DefaultLogin)
	f.StringVar(&c.name, "name", setup.DefaultName, "begins the name of all that is made")
	f.BoolVar(&c.apply, "apply", false, "make what is missing")
	f.BoolVar(&c.remove, "remove", false, "take back what was made")
	f.Bool("dry-run", true, "look only; the default")
	f.BoolVar(&c.asJSON, "json", false, "print JSON")
	cmd.MarkFlagsMutuallyExclusive("apply", "remove", "dry-run")
	cmd.MarkFlagsMutuallyExclusive("url", "file")
	return cmd
}

// prepare finds out which database is meant, and refuses what may not be.
func (c *setupCommand) prepare(fileGiven bool) error {
	switch {
	case c.url != "":
		c.target = app.OdooTarget{Environment: c.environment, RPC: odoorpc.Config{URL: c.url, Database: c.database}}
	case fileGiven || exists(c.file):
		plan, err := load(c.file)
		if err != nil {
			return err
		}
		if c.target, err = plan.OdooTarget(c.component); err != nil {
			return err
		}
	}
	if c.login == "" {
		c.login = c.target.RPC.Login
	}
	if !c.apply && !c.remove {
		return nil
	}
	switch {
	case c.target.RPC.URL == "":
		return errors.New("no Odoo is named: write -f ESTATE, or --url, --database and --environment")
	case c.target.Environment == "":
		return errors.New("the environment is not known: write --environment staging; in production nothing is made")
	case c.target.Environment == estate.Production:
		return errors.New("this is production, where nothing is made or removed by a command: run it without --apply and --remove, show the printed steps to the controller, and let an administrator do them by hand")
	case c.adminLogin == "":
		return errors.New("write --admin-login, and the password in --admin-password-file or " + adminPassword)
	case c.apply && c.passwordFile == "":
		return errors.New("write --password-file: the monitoring user's password goes there")
	}
	return nil
}

func (c *setupCommand) run(ctx context.Context) error {
	settings := setup.Settings{
		Name: c.name, Login: c.login, SaleJournal: c.target.Synthetic.SaleJournal, BankJournal: c.target.Synthetic.BankJournal,
	}
	if c.adminLogin == "" {
		return c.say(setup.New(settings).Print(), nil)
	}
	client, err := c.admin()
	if err != nil {
		return err
	}
	defer client.Close()
	settings.Client = client
	if c.passwordFile != "" {
		settings.Password = setup.File{Path: c.passwordFile, LogIn: c.logIn}
	}
	if !c.asJSON {
		settings.Progress = func(r setup.Result) { printSetupStep(c.out, r) }
	}
	s := setup.New(settings)
	var report setup.Report
	switch {
	case c.apply:
		report, err = s.Apply(ctx)
	case c.remove:
		report, err = s.Remove(ctx)
	default:
		report, err = s.Plan(ctx)
	}
	return c.say(report, err)
}

// admin connects as the administrator.
func (c *setupCommand) admin() (*odoorpc.Client, error) {
	password := secret.New(os.Getenv(adminPassword))
	if c.adminFile != "" {
		b, err := os.ReadFile(c.adminFile)
		if err != nil {
			return nil, fmt.Errorf("read the administrator's password: %w", err)
		}
		password = secret.New(strings.TrimRight(string(b), "\r\n"))
	}
	if password.IsZero() {
		return nil, errors.New("the administrator's password is missing: write it to --admin-password-file or set " + adminPassword)
	}
	return c.client(c.adminLogin, password)
}

func (c *setupCommand) client(login string, password secret.Value) (*odoorpc.Client, error) {
	rpc := c.target.RPC
	rpc.Login, rpc.Password, rpc.APIKey, rpc.Timeout = login, password, secret.Value{}, estate.Duration(setupTimeout)
	return odoorpc.New(rpc, odoorpc.Options{Version: buildVersion()})
}

// logIn tries a password of the monitoring user.
func (c *setupCommand) logIn(ctx context.Context, login string, password secret.Value) error {
	client, err := c.client(login, password)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.UserID(ctx)
	return err
}

// say prints what is left to say after the steps, and decides on the exit code.
func (c *setupCommand) say(r setup.Report, err error) error {
	missing := r.Count(setup.Missing)
	switch {
	case c.asJSON:
		if failed := printJSON(c.out, r); failed != nil {
			return failed
		}
	case r.Version == "" && err == nil:
		for _, s := range r.Steps {
			printSetupStep(c.out, s)
		}
		fmt.Fprintln(c.out, "\nThese are the steps. With --admin-login Odoo is asked which of them are done; with --apply they are done, outside of production.")
	case err == nil && !c.remove:
		c.printSnippet(r, missing)
	}
	switch {
	case err != nil:
		return &findings{err}
	case missing > 0:
		return &findings{}
	}
	return nil
}

func printSetupStep(out io.Writer, r setup.Result) {
	state := ""
	if r.State != "" {
		state = strings.ToUpper(string(r.State)) + ": "
	}
	fmt.Fprintf(out, "%2d. %s%s\n", r.Number, state, r.What)
	if r.Note != "" {
		fmt.Fprintf(out, "    %s\n", r.Note)
	}
	if r.State == "" || r.State == setup.Missing || r.State == setup.Failed {
		fmt.Fprintf(out, "    in Odoo: %s\n", r.Menu)
	}
}

// printSnippet prints what the estate is to say.
func (c *setupCommand) printSnippet(r setup.Report, missing int) {
	s := r.Synthetic
	if missing > 0 {
		fmt.Fprintf(c.out, "\n%d of %d steps are missing. Nothing was changed.\n", missing, len(r.Steps))
		if used := c.target.Synthetic.Company; used != 0 && s.Company == 0 {
			fmt.Fprintf(c.out, "The estate has company %d, which was made by hand or with another --name than %q: closewatch probe doctor judges that one.\n", used, c.name)
		}
		return
	}
	password := "${file:PATH}"
	if c.passwordFile != "" {
		password = "${file:" + absolutePath(c.passwordFile) + "}"
	}
	fmt.Fprintf(c.out, "\nAll is there: Odoo %s. Write below odoo: in the estate:\n\n", r.Version)
	fmt.Fprintf(c.out, "  login: %s\n  password: %q\n  synthetic:\n    company: %d\n    saleJournal: %s\n    bankJournal: %s\n    partner: %d\n", r.Login, password, s.Company, s.SaleJournal, s.BankJournal, s.Partner)
	for _, optional := range []struct {
		field string
		id    int64
	}{{"tax", s.Tax}, {"product", s.Product}, {"queueJob", s.QueueJob}} {
		if optional.id != 0 {
			fmt.Fprintf(c.out, "    %s: %d\n", optional.field, optional.id)
		}
	}
	if !r.Queue {
		fmt.Fprintln(c.out, "\nqueue_job is not installed: the flow queue-roundtrip is not measurable here.")
	}
}

// absolutePath is where a path leads from anywhere, as an estate has to name it.
func absolutePath(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
