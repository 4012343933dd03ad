package flow

// An Event says that a step began or ended, to whoever watches a run.
type Event struct {
	Step  Step // without duration, verdict and note when it only began
	Ended bool
}

// tell tells whoever watches. A watcher that panics is on its own.
func (r *Recorder) tell(step Step, ended bool) {
	if r.observe != nil {
		_ = protect(func() error { r.observe(Event{Step: step, Ended: ended}); return nil })
	}
}
