package odoosim

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Faults breaks the stand-in on purpose. Its methods are safe for concurrent
// use and take effect with the next request.
type Faults struct {
	s *Server

	mu           sync.Mutex
	postingFails bool
	slowFactor   float64
	slowAdded    time.Duration
	deaf         bool
	idle         bool
	html         bool
	noWebsocket  bool
	manager      bool
	hidden       bool
	crons        []string // deactivated by DeactivateCron
	work         workFaults
	page         pageFaults
}

// SetPostingFails makes action_post, for everybody, answer HTTP 200 with an
// error object, as after a broken deployment.
func (f *Faults) SetPostingFails(on bool) { f.set(func() { f.postingFails = on }) }

// SetPostingSlow makes posting take factor times Options.PostingCost plus
// added. A factor of 1 and no addition end it.
func (f *Faults) SetPostingSlow(factor float64, added time.Duration) {
	f.set(func() { f.slowFactor, f.slowAdded = factor, added })
}

// SetJobrunnerDeaf makes the job runner take nothing, without an error or a log line.
func (f *Faults) SetJobrunnerDeaf(on bool) { f.set(func() { f.deaf = on }) }

// SetIdle stops the cron worker from touching the database, as on a night
// without any work. Jobs are run, when there are any. It is no fault: nothing
// waits.
func (f *Faults) SetIdle(on bool) { f.set(func() { f.idle = on }) }

// SetHTMLInstead makes every request be answered by an HTML page with status
// 200, as a proxy's maintenance page does.
func (f *Faults) SetHTMLInstead(on bool) { f.set(func() { f.html = on }) }

// SetWebsocketMisrouted has /websocket reach a worker, as when the ingress does
// not know the gevent port: HTTP 500.
func (f *Faults) SetWebsocketMisrouted(on bool) { f.set(func() { f.noWebsocket = on }) }

// SetManagerExposed opens the database manager, without a master password of
// its own, as list_db does unless it is switched off.
func (f *Faults) SetManagerExposed(on bool) { f.set(func() { f.manager = on }) }

// SetDatabaseHidden has visitors see the database selector, as under a dbfilter
// that does not let the database through.
func (f *Faults) SetDatabaseHidden(on bool) { f.set(func() { f.hidden = on }) }

// DeactivateCron sets the named scheduled action inactive in the table.
func (f *Faults) DeactivateCron(ctx context.Context, name string) error {
	if err := f.s.setCronActive(ctx, name, false); err != nil {
		return err
	}
	f.set(func() { f.crons = append(f.crons, name) })
	return nil
}

// Clear ends every fault and activates the actions DeactivateCron stopped.
func (f *Faults) Clear(ctx context.Context) error {
	f.mu.Lock()
	f.postingFails, f.slowFactor, f.slowAdded, f.deaf, f.html = false, 1, 0, false, false
	f.noWebsocket, f.manager, f.hidden = false, false, false
	f.page = pageFaults{}
	crons := slices.Clone(f.crons)
	f.mu.Unlock()
	if err := f.clearWork(ctx); err != nil {
		return err
	}
	for _, name := range crons {
		if err := f.s.setCronActive(ctx, name, true); err != nil {
			return err
		}
		f.set(func() { f.crons = slices.DeleteFunc(f.crons, func(n string) bool { return n == name }) })
	}
	return nil
}

// Active names the faults in effect, for a status line.
func (f *Faults) Active() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	active := []string{}
	for _, x := range []struct {
		on   bool
		name string
	}{
		{f.postingFails, "posting-fails"},
		{f.slowFactor != 1 || f.slowAdded > 0, "posting-slow"},
		{f.deaf, "jobrunner-deaf"},
		{len(f.crons) > 0, "cron-deactivated"},
		{f.html, "html-instead"},
		{f.work.gone, "jobrunner-gone"},
		{f.work.jobsKilled, "jobs-killed"},
		{f.work.jobsEndless, "jobs-endless"},
		{f.work.hog != "", "cron-hog"},
		{f.work.killed != "", "cron-killed"},
		{f.work.loops != "", "cron-loops"},
		{f.noWebsocket, "websocket-misrouted"},
		{f.page.busDeaf, "bus-deaf"},
		{f.page.closes != 0, "websocket-closes"},
		{f.page.print != PrintsWell, "printing-" + string(f.page.print)},
		{f.manager, "manager-exposed"},
		{f.hidden, "database-hidden"},
	} {
		if x.on {
			active = append(active, x.name)
		}
	}
	return active
}

func (f *Faults) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *Faults) isDeaf() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.deaf
}

func (f *Faults) isIdle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.idle
}

func (f *Faults) answersHTML() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.html
}

func (f *Faults) hidesDatabase() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hidden
}

func (f *Faults) exposesManager() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.manager
}

func (f *Faults) misroutesWebsocket() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.noWebsocket
}

// beforePosting spends what posting costs, then fails if it must.
func (f *Faults) beforePosting(ctx context.Context, cost time.Duration) error {
	f.mu.Lock()
	fails := f.postingFails
	cost = time.Duration(float64(cost)*f.slowFactor) + f.slowAdded
	f.mu.Unlock()
	if err := sleep(ctx, cost); err != nil {
		return err
	}
	if fails {
		return validationError("Missing required account on accountable line.")
	}
	return nil
}
