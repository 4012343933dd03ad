package world

import "context"

// platformFaults break what stands around the application: the session store,
// the ingress, the bank.
func platformFaults() []Fault {
	return []Fault{
		{"redis-stalled", "stops the session store from answering", func(_ context.Context, w *World) (mend, error) {
			return func(context.Context) error { return w.Redis.Resume() }, w.Redis.Pause()
		}},
		{"redis-killed", "kills the session store; it is started again on clear", func(_ context.Context, w *World) (mend, error) {
			return w.Redis.Start, w.Redis.Kill()
		}},
		{"redis-full", "fills the memory of the session store: it refuses new sessions", func(ctx context.Context, w *World) (mend, error) {
			return configured(ctx, w, "maxmemory", "1mb", "0")
		}},
		{"redis-refuses-writes", "has the session store refuse writes for want of replicas", func(ctx context.Context, w *World) (mend, error) {
			return configured(ctx, w, "min-replicas-to-write", "1", "0")
		}},
		{"traefik-stopped", "takes the ingress away; everything behind it is fine", func(_ context.Context, w *World) (mend, error) {
			return w.Ingress.Start, w.Ingress.Kill()
		}},
		{"bank-down", "has the interface of the bank answer that it is out of service", func(_ context.Context, w *World) (mend, error) {
			w.bank.down.Store(true)
			return func(context.Context) error { w.bank.down.Store(false); return nil }, nil
		}},
	}
}

// notFaults look like trouble and are none.
func notFaults() []Fault {
	return []Fault{
		{"idle-primary", "stops all writing, as on a quiet night; nothing is wrong", func(_ context.Context, w *World) (mend, error) {
			w.Load.Pause()
			w.Odoo.Faults().SetIdle(true)
			w.probing(false)
			return func(context.Context) error {
				w.Load.Resume()
				w.Odoo.Faults().SetIdle(false)
				w.probing(true)
				return nil
			}, nil
		}},
		{"cpu-burn", "keeps the database's processor busy; users are fine", func(ctx context.Context, w *World) (mend, error) {
			return over(ctx, w, "SELECT sum(sqrt(g)) FROM generate_series(1, 5000000) g", 0)
		}},
	}
}

// configured sets a setting of the session store, and back.
func configured(ctx context.Context, w *World, name, broken, whole string) (mend, error) {
	return func(ctx context.Context) error { return w.Redis.Configure(ctx, name, whole) }, w.Redis.Configure(ctx, name, broken)
}
