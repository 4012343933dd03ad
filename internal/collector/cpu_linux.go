package collector

import (
	"runtime"
	"syscall"
	"time"
)

// cpuMeasured tells whether cpuOf measures on this system.
const cpuMeasured = true

// cpuOf runs f and returns the CPU time it used, in user mode and in the kernel.
// f keeps its thread until it returns; what other goroutines do for it is not
// in the time.
func cpuOf(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadCPU()
	f()
	return threadCPU() - before
}

// threadCPU is what the thread has used since it began.
func threadCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &usage); err != nil {
		return 0 // cannot be: the call has no way to fail with these arguments
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
