package odoo

import (
	"context"

	"github.com/closewatch/closewatch/internal/flow"
)

// LoginName is the name of the flow Login.
const LoginName = "login"

// Login does what a user does first: it reaches Odoo, logs in and opens its
// own record. It only reads.
type Login struct{ p *Prober }

// NewLogin returns the flow on p's tenant.
func NewLogin(p *Prober) Login { return Login{p} }

// Name implements flow.Flow.
func (Login) Name() string { return LoginName }

// Process implements flow.Flow: logging in serves every process; reporting is
// the least demanding of them.
func (Login) Process() string { return "reporting" }

// Levels implements flow.Flow.
func (Login) Levels() []flow.Level { return levels[LoginName] }

// CannotDetect implements flow.Limiter.
func (Login) CannotDetect(flow.Level) []string {
	return []string{"whether anything can be written", "single sign-on and second factors, which the monitoring user does not have"}
}

// Run implements flow.Flow.
func (f Login) Run(ctx context.Context, _ flow.Level, r *flow.Recorder) error {
	err := r.Step(ctx, "read-version", func(ctx context.Context) error {
		v, err := f.p.client.Version(ctx)
		if err == nil {
			r.Note("version=%s", v.Text)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := r.Step(ctx, "log-in", f.p.client.Reauthenticate); err != nil {
		return err
	}
	return r.Step(ctx, "read-user", func(ctx context.Context) error {
		_, err := f.p.readUser(ctx)
		return err
	})
}
