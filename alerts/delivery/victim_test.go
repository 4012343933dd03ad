package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/durable"
)

// The step of victimCase at which a child process kills itself; with
// victimChannel that is one of telling by a channel, to victimHook and victimMail.
const (
	victimStep    = "CLOSEWATCH_TEST_DELIVERY_STEP"
	victimCase    = "CLOSEWATCH_TEST_DELIVERY_CASE"
	victimChannel = "CLOSEWATCH_TEST_DELIVERY_CHANNEL"
	victimHook    = "CLOSEWATCH_TEST_DELIVERY_HOOK"
	victimMail    = "CLOSEWATCH_TEST_DELIVERY_MAIL"
)

// Steps at which the kernel refuses every write to a file: the child is killed
// then, or once it may write again.
const (
	stepFull = "a full disk"
	stepFree = "a disk that was full"
)

// doomed kills its process at a step, once it is armed.
type doomed struct {
	at      string
	channel string // of which "call" and "answer" are steps
	armed   atomic.Bool
}

func (d *doomed) reach(step string) {
	if d.armed.Load() && d.at == step {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// reachBy arms at a step of its channel.
func (d *doomed) reachBy(step, channel string) {
	if d.channel == channel && d.at == step {
		d.armed.Store(true)
		d.reach(step)
	}
}

func (d *doomed) create(dir, pattern string) (durable.File, error) {
	d.reach("create")
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	return &doomedFile{f, d}, nil
}

type doomedFile struct {
	*os.File
	doomed *doomed
}

func (f *doomedFile) Write(b []byte) (int, error) {
	if f.doomed.armed.Load() && f.doomed.at == "write" {
		_, _ = f.File.Write(b[:len(b)/2])
	}
	f.doomed.reach("write")
	return f.File.Write(b)
}

func (f *doomedFile) Sync() error {
	err := f.File.Sync()
	f.doomed.reach("sync")
	return err
}

func (f *doomedFile) Close() error {
	f.doomed.reach("close") // it has taken its place
	return f.File.Close()
}

// RoundTrip implements http.RoundTripper.
func (d *doomed) RoundTrip(req *http.Request) (*http.Response, error) {
	d.reach("request")
	resp, err := http.DefaultTransport.RoundTrip(req)
	d.reach("answer")
	return resp, err
}

// die goes on with what the case published before, and publishes what comes
// next: at one step of that the process ends.
func die(dir, endpoint, step, name string) {
	d := &doomed{at: step, channel: os.Getenv(victimChannel)}
	s := delivery.Settings{
		Endpoints: []string{endpoint}, Dir: dir, Resend: 3 * time.Second, Hold: time.Second, Disk: durable.Disk{Create: d.create}, Transport: d,
	}
	if d.channel != "" {
		s.Fallback, s.Timeout = fallbackTo(os.Getenv(victimHook), os.Getenv(victimMail)), ringFor
		for i, c := range s.Fallback.Channels {
			s.Fallback.Channels[i] = doomedChannel{c, d}
		}
	}
	out, err := delivery.New(s)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go out.Run(context.Background())
	switch {
	case d.channel != "":
		ring(out, name)
	case step == stepFull, step == stepFree:
		fmt.Println(overflow(out, name, d))
	default:
		p := &post{name: name, d: out}
		p.publish("Lower")
		taken(out)
		d.armed.Store(true)
		p.publish("Higher")
		p.publish("Higher")
		d.reach("words") // the newer ones are not written
		<-time.After(30 * time.Second)
		fmt.Println("it lives")
	}
	os.Exit(1)
}

// taken waits until Alertmanager has all.
func taken(out *delivery.Delivery) {
	for tick := time.NewTicker(10 * time.Millisecond); out.Status().Endpoints[0].Pending > 0; {
		<-tick.C
	}
}

// overflow publishes while the disk is full: what is published is sent.
func overflow(out *delivery.Delivery, name string, d *doomed) error {
	p := &post{name: name, d: out}
	publish := func(names ...string) error {
		var alerts []delivery.Alert
		for _, n := range names {
			alerts = append(alerts, p.alert(n))
		}
		defer taken(out)
		return out.Publish(time.Now(), alerts)
	}
	if err := publish("Lower"); err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ)
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 16, Max: room.Max}); err != nil {
		return err
	}
	if err := publish("Lower", "Higher"); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("published on a full disk: %w", err)
	}
	d.armed.Store(true)
	d.reach(stepFull)
	if err := publish("Higher"); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("published on a full disk: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		return err
	}
	if err := publish("Higher"); err != nil {
		return err
	}
	d.reach(stepFree)
	return errors.New("it lives")
}
