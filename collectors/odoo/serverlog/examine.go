package serverlog

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/logtail"
)

// Examine reads the beginning of a log and says in which format it is, or what
// is wrong with it.
func Examine(path, format string) (well string, err error) {
	op := "read " + path
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", &fault.Error{Op: op, Kind: fault.Unreachable, Err: fs.ErrNotExist, Hint: "write logfile = " + path + " in odoo.conf, or log: {file: …} as Odoo has it"}
	case err == nil && !info.Mode().IsRegular(): // opening a pipe would wait for its writer
		return "", &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("is not a file"), Hint: "have Odoo write its logfile to a file"}
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(path)
	}
	if errors.Is(err, fs.ErrPermission) {
		return "", &fault.Error{Op: op, Kind: fault.Denied, Err: fs.ErrPermission, Hint: "setfacl -m u:closewatch:r " + path + ", and in logrotate: create 0644"}
	}
	if err != nil {
		return "", fault.Wrap(op, err, "check the path")
	}
	defer file.Close()
	head, err := io.ReadAll(io.LimitReader(file, logtail.MaxLine))
	if err != nil {
		return "", fault.Wrap(op, err, "check the disk")
	}
	return judgeHead(op, head, format)
}

// judgeHead looks for records in the beginning of a log.
func judgeHead(op string, head []byte, format string) (string, error) {
	if len(head) == 0 {
		return "readable, and empty so far", nil
	}
	t := newTally(format, 0, nil, nil)
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		if len(line) > 0 {
			t.Line(line)
		}
	}
	if t.lines.Records == 0 {
		return "", &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("its beginning holds no record of Odoo's"), Hint: "check that log.file is the log of the Odoo server, and log.format"}
	}
	return "readable, format " + t.envelope.format, nil
}
