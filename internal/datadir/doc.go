// Package datadir holds the directory of all that the daemon keeps.
//
//	VERSION    the version of this layout, with its checksum: "2 crc32c=…"
//	lock       held by the daemon that uses the directory
//	tsdb/      samples            (internal/store)
//	ticks/     the tick record    (internal/tickrecord)
//	ledger/    objective cells    (internal/ledger)
//	evidence/  the evidence log   (internal/evidence)
//	outbox/    alerts to deliver  (alerts/delivery)
//	state/     snapshots, log offsets, flow intents, and clock: the layout's
//	           version again and when the directory was last used
//
// One daemon holds the directory at a time, for as long as it lives: the lock
// goes with its process, however that ends. What is kept is for its owner and
// group: directories are made with mode 0750, files with 0600.
//
// Version 1 had VERSION, lock, tsdb, outbox and state. It becomes version 2 in
// place: the new directories are made, then VERSION is replaced, so that a
// crash leaves either version. A version that is not known is refused and left
// as it is. A VERSION that is damaged is set aside and written again from the
// second copy in state/clock.
package datadir
