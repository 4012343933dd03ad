package postgres

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// A look is what one server said about itself. Positions that it did not give
// are nil.
type look struct {
	identity
	neighbours
	sent, received time.Time // by our clock
	before, after  time.Time // by the server's, around the reading of its position
	started        time.Time // of the server process

	timeline   uint32
	recovering bool

	position *uint64 // of a primary: where the next record will be inserted
	snapshot uint64  // of a primary: a hash of its running transactions

	replayed    *uint64   // of a standby
	flushed     *uint64   // of a standby
	transaction time.Time // of a standby: when the last transaction it replayed ended on the primary; zero before the first
	paused      bool      // of a standby: replay is, or is about to be
	conflict    *bool     // of a standby: replay waits for a query; nil when unknown
}

// settle derives what the parts of a look add up to. The timeline of a restart
// point is only as new as that.
func (l *look) settle() {
	if !l.recovering {
		return
	}
	l.timeline = l.checkpoint
	if r := l.receiver; r != nil {
		l.timeline = max(l.timeline, r.timeline)
		l.flushed = atLeast(l.flushed, r.flushed)
	}
}

// application is the name a standby connects with.
func (l *look) application() string {
	if l.receiver != nil && l.receiver.announce != "" {
		return l.receiver.announce
	}
	return l.announce
}

// written is how far a standby's receiver has written.
func (l *look) written() *uint64 {
	if l.receiver != nil {
		return atLeast(l.receiver.written, l.flushed)
	}
	return l.flushed
}

// cutOff reports whether a standby is connected to nothing: its settings may say
// why.
func (l *look) cutOff() bool { return l.recovering && l.receiver == nil }

// receiving reports whether a standby is connected to what it follows.
func (l *look) receiving() bool { return l.receiver != nil && l.receiver.status == "streaming" }

// identity is what rarely changes of a server.
type identity struct {
	process    time.Time // when the server process it belongs to began
	version    string
	system     uint64
	checkpoint uint32 // of a standby: the timeline of its last restart point
	delay      time.Duration
	announce   string // the application name a standby connects with unless its connection string says another
	streams    *bool  // of a standby: whether it has an upstream; nil when the role may not see it
	restores   *bool  // of a standby: whether it reads an archive
}

// neighbours are the servers connected to one.
type neighbours struct {
	met      time.Time // when they were asked, by our clock; zero when they were not
	receiver *receiver // of a standby; nil when it has none
	senders  []sender
}

// A receiver is a standby's connection to the server it follows. Times of
// sending are that server's, those of receipt the standby's.
type receiver struct {
	status   string // "streaming"; "" when the role may not see it
	slot     string
	host     string // of the server it follows
	announce string // the application name it connects with; "" when its connection string says none

	startTimeline, timeline uint32
	start, written, flushed *uint64
	end                     *uint64   // of the upstream's log, by its last message
	messageSent             time.Time // the last message
	messageReceived         time.Time
	endSent                 time.Time // the message that told the end
}

// A sender is a server's connection to one that follows it.
type sender struct {
	application, address, slot, slotType, state string
	current                                     *uint64 // the sending server's position at the same moment
	sent, written, flushed, replayed            *uint64
}

// standby reports whether the sender serves a physical standby, not a backup,
// an archiver or a subscriber. An archiver confirms what it wrote and replays
// nothing, under whatever name it comes.
func (s sender) standby() bool {
	switch s.application {
	case "pg_basebackup", "pg_receivewal", "pg_recvlogical":
		return false
	}
	archives := s.written != nil && s.replayed == nil
	return s.state != "backup" && s.slotType != "logical" && !archives
}

// behind reports whether a follower has yet to replay something.
func (n neighbours) behind() bool {
	for _, s := range n.senders {
		if s.current != nil && (s.replayed == nil || *s.replayed < *s.current) {
			return true
		}
	}
	return false
}

// moved reports whether the server's log has grown since the look before.
func (l *look) moved(before *look) bool {
	return l.snapshot != before.snapshot || differ(l.position, before.position) ||
		differ(l.replayed, before.replayed) || differ(l.flushed, before.flushed)
}

// stuck reports whether a standby replays nothing, though it has something to
// replay or may have.
func (l *look) stuck(before *look) bool {
	if !l.recovering || !before.recovering || l.paused || l.replayed == nil || differ(l.replayed, before.replayed) {
		return false
	}
	return l.flushed == nil || *l.flushed > *l.replayed
}

func differ(a, b *uint64) bool {
	if a == nil || b == nil {
		return a != b
	}
	return *a != *b
}

// readPosition makes a look of the answer to positionQuery. It fails when the
// server did not tell its position.
func readPosition(r pgsession.Result, sent, received time.Time) (look, error) {
	if r.Err != nil {
		return look{}, r.Err
	}
	l := look{sent: sent, received: received}
	row := r.First()
	var ok [5]bool
	l.before, ok[0] = row.Time("before")
	l.after, ok[1] = row.Time("after")
	l.recovering, ok[2] = row.Bool("recovering")
	l.started, ok[3] = row.Time("started")
	if l.recovering {
		ok[4] = true
		l.replayed, l.flushed = lsn(row, "replayed"), lsn(row, "received")
		l.transaction, _ = row.Time("transaction")
		l.paused, _ = row.Bool("paused")
	} else {
		timeline, err := strconv.ParseUint(row.String("timeline"), 16, 32)
		l.timeline, l.position = uint32(timeline), lsn(row, "position")
		snapshot, known := row.Int("snapshot")
		l.snapshot, ok[4] = uint64(snapshot), known && err == nil && l.position != nil
	}
	return l, complete(r, ok == [5]bool{true, true, true, true, true})
}

// readIdentity reads the answers to identityQuery and sourcesQuery about the
// server process that began at started.
func readIdentity(r, sources pgsession.Result, started time.Time) (identity, error) {
	if r.Err != nil {
		return identity{}, r.Err
	}
	row := r.First()
	system, known := row.Int("system")
	timeline, _ := row.Int("checkpoint_timeline")
	delay, _ := row.Float("delay")
	id := identity{
		process: started, version: row.String("version"), system: uint64(system), checkpoint: uint32(timeline),
		delay: time.Duration(delay * float64(time.Second)), announce: row.String("cluster_name"),
		streams: flag(sources.First(), "streams"), restores: flag(sources.First(), "restores"),
	}
	if id.announce == "" {
		id.announce = "walreceiver"
	}
	return id, complete(r, known)
}

// complete is a fault unless the answer could be read and had all it must.
func complete(r pgsession.Result, all bool) error {
	if err := r.Malformed(); err != nil || all {
		return err
	}
	return &fault.Error{Op: "read " + r.Name, Kind: fault.Schema, Err: errors.New("the server leaves out what it always tells")}
}

// readNeighbours reads the answer to neighboursQuery, got at a time of ours.
// Without an answer nobody was met.
func readNeighbours(r pgsession.Result, at time.Time) neighbours {
	if r.Err != nil {
		return neighbours{}
	}
	n := neighbours{met: at}
	if first := r.First(); flag(first, "receives") != nil && *flag(first, "receives") {
		n.receiver = readReceiver(first)
	}
	for _, row := range r.Rows {
		if _, is := row.Int("pid"); is {
			n.senders = append(n.senders, readSender(row))
		}
	}
	return n
}

func readReceiver(row pgsession.Row) *receiver {
	r := &receiver{
		status: row.String("status"), slot: row.String("receiver_slot"), host: unquoted(row, "upstream_host"), announce: unquoted(row, "announce"),
		start: lsn(row, "receive_start_lsn"), written: lsn(row, "written_lsn"), flushed: lsn(row, "flushed_lsn"), end: lsn(row, "latest_end_lsn"),
	}
	if r.host == "" {
		r.host = row.String("sender_host")
	}
	start, _ := row.Int("receive_start_tli")
	timeline, _ := row.Int("received_tli")
	r.startTimeline, r.timeline = uint32(start), uint32(timeline)
	r.messageSent, _ = row.Time("last_msg_send_time")
	r.messageReceived, _ = row.Time("last_msg_receipt_time")
	r.endSent, _ = row.Time("latest_end_time")
	return r
}

// unquoted is a value of a connection string.
func unquoted(row pgsession.Row, column string) string { return strings.Trim(row.String(column), "'") }

func readSender(row pgsession.Row) sender {
	return sender{
		application: row.String("application_name"),
		address:     row.String("address"),
		slot:        row.String("slot_name"),
		slotType:    row.String("slot_type"),
		state:       row.String("state"),
		current:     lsn(row, "current"),
		sent:        lsn(row, "sent_lsn"),
		written:     lsn(row, "write_lsn"),
		flushed:     lsn(row, "flush_lsn"),
		replayed:    lsn(row, "replay_lsn"),
	}
}

func lsn(row pgsession.Row, column string) *uint64 {
	if v, ok := row.LSN(column); ok {
		return &v
	}
	return nil
}

// flag is a boolean, nil when it is not known.
func flag(row pgsession.Row, column string) *bool {
	if v, ok := row.Bool(column); ok {
		return &v
	}
	return nil
}
