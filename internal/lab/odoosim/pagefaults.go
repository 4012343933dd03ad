package odoosim

import "net/http"

// pageFaults are those of printing and of websockets.
type pageFaults struct {
	print   PrintFault
	busDeaf bool
	closes  int // code with which websockets are closed at the next message; 0 for none
}

// A PrintFault is a way in which wkhtmltopdf fails Odoo.
type PrintFault string

// What may become of a printed document.
const (
	PrintsWell         PrintFault = ""
	PrintToolMissing   PrintFault = "missing"   // it is not installed
	PrintToolUnpatched PrintFault = "unpatched" // it cannot put documents together
	PrintToolKilled    PrintFault = "killed"    // it dies of signal 9
	PrintToolCrashed   PrintFault = "crashed"   // it dies of signal 11, for want of memory
	PrintToolFails     PrintFault = "fails"     // it cannot reach Odoo
	PrintTemplateFails PrintFault = "template"  // Odoo fails before it prints
	PrintsNothing      PrintFault = "nothing"   // an empty document
	PrintsHalf         PrintFault = "half"      // a document that is cut off
	PrintsOnePage      PrintFault = "one page"  // whatever was asked for
	PrintKillsWorker   PrintFault = "kills"     // the worker is killed at its limit
)

// SetPrinting has reports fail in a way; PrintsWell ends it.
func (f *Faults) SetPrinting(how PrintFault) { f.set(func() { f.page.print = how }) }

// SetBusDeaf keeps notifications from websockets, as when the process that has
// them cannot listen to PostgreSQL.
func (f *Faults) SetBusDeaf(on bool) { f.set(func() { f.page.busDeaf = on }) }

// SetWebsocketCloses has websockets be closed with a code when something is
// sent; 0 ends it.
func (f *Faults) SetWebsocketCloses(code int) { f.set(func() { f.page.closes = code }) }

func (f *Faults) printing() PrintFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.page.print
}

// wkhtmltopdfState is what Odoo found when it started, told to whoever asks.
func wkhtmltopdfState(e *env, _ *call) (any, error) {
	if e.s.Faults().printing() == PrintToolMissing {
		return "install", nil
	}
	return "ok", nil
}

func (f *Faults) isBusDeaf() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.page.busDeaf
}

func (f *Faults) closesWebsocket() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.page.closes
}

// page is what Odoo shows instead of a document.
func (f PrintFault) page(version int) (status int, text string) {
	status = http.StatusBadRequest
	if version >= 19 {
		status = http.StatusUnprocessableEntity
	}
	switch f {
	case PrintToolMissing:
		text = "Unable to find Wkhtmltopdf on this system. The PDF can not be created."
	case PrintToolUnpatched:
		text = "Tried to convert multiple documents in wkhtmltopdf using unpatched QT"
	case PrintToolKilled:
		text = "Wkhtmltopdf failed (error code: -9). Message: "
	case PrintToolCrashed:
		text = "Wkhtmltopdf failed (error code: -11). Memory limit too low or maximum file number of subprocess reached. Message : "
	case PrintToolFails:
		text = "Wkhtmltopdf failed (error code: 2). Message: Exit with code 2 due to network error: ConnectionRefusedError"
	case PrintTemplateFails:
		return http.StatusInternalServerError, "500: Internal Server Error"
	default:
		return 0, ""
	}
	return status, "Oops! Something went wrong. Take a look at the error message below. Error message: " + text
}
