package delivery_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/durable"
)

// The step of victimCase at which a child process kills itself.
const (
	victimStep = "CLOSEWATCH_TEST_DELIVERY_STEP"
	victimCase = "CLOSEWATCH_TEST_DELIVERY_CASE"
)

// doomed kills its process at a step, once it is armed.
type doomed struct {
	at    string
	armed atomic.Bool
}

func (d *doomed) reach(step string) {
	if d.armed.Load() && d.at == step {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
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
	d := &doomed{at: step}
	out, err := delivery.New(delivery.Settings{
		Endpoints: []string{endpoint}, Dir: dir, Resend: 3 * time.Second, Hold: time.Second, Disk: durable.Disk{Create: d.create}, Transport: d,
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go out.Run(context.Background())
	p := &post{name: name, d: out}
	p.publish("Lower")
	for tick := time.NewTicker(10 * time.Millisecond); out.Status().Endpoints[0].Pending > 0; {
		<-tick.C
	}
	d.armed.Store(true)
	p.publish("Higher")
	<-time.After(30 * time.Second)
	fmt.Println("it lives")
	os.Exit(1)
}
