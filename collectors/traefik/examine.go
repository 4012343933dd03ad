package traefik

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/logtail"
)

// Examine implements collector.Examiner: the metrics, the ping, and whether the
// access log can be read and is one.
func (i *instance) Examine(ctx context.Context) []collector.Finding {
	var asking []collector.Task
	for _, t := range i.Tasks() {
		if _, followed := t.Collector.(*accessLog); !followed { // which needs a run
			asking = append(asking, t)
		}
	}
	findings := collector.Try(ctx, asking)
	if path := i.s.Config.AccessLog; path != "" {
		well, err := examineLog(path, i.s.Config.Format)
		findings = append(findings, collector.Judge("accesslog", well, err)...)
	}
	return findings
}

// examineLog reads the beginning of a log.
func examineLog(path, format string) (well string, err error) {
	op := "read " + path
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", &fault.Error{Op: op, Kind: fault.Unreachable, Err: fs.ErrNotExist, Hint: "switch it on in Traefik: accessLog: {filePath: " + path + ", format: json}"}
	case err == nil && !info.Mode().IsRegular(): // opening a pipe would wait for its writer
		return "", &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("is not a file"), Hint: "have Traefik write to a file"}
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
	switch {
	case err != nil:
		return "", fault.Wrap(op, err, "check the disk")
	case len(head) == 0:
		return "readable, and empty so far", nil
	case format != formatCLF && head[0] == '{':
		return "readable, JSON", nil
	case format == formatJSON:
		return "", &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("its lines are not JSON"), Hint: "have Traefik write accessLog.format: json, or write format: clf"}
	}
	return "readable, CLF: operations are known by JSON's paths only, so prefer accessLog.format: json", nil
}
