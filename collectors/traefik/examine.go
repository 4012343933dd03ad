package traefik

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/logtail"
)

// Examine implements collector.Examiner: the metrics, the ping, whether the logs
// can be read and are such, and what users do often that has no label.
func (i *instance) Examine(ctx context.Context) []collector.Finding {
	var asking []collector.Task
	for _, t := range i.Tasks() {
		switch t.Collector.(type) {
		case *accessLog, *ownLog: // which need a run
		default:
			asking = append(asking, t)
		}
	}
	findings := collector.Try(ctx, asking)
	if path := i.s.Config.AccessLog; path != "" {
		well, err := examineLog(path, i.s.Config.Format)
		findings = append(findings, collector.Judge("accesslog", well, err)...)
		if err == nil {
			findings = append(findings, i.examineOperations(path)...)
		}
	}
	if path := i.s.Config.Log; path != "" {
		well, err := examineOwn(path)
		findings = append(findings, collector.Judge("log", well, err)...)
	}
	return findings
}

// Bounds of what is looked at for operations without a label.
const (
	lookedAt  = 4 << 20 // bytes at the end of the log
	oftenSeen = 5
	mostNamed = 5
)

// examineOperations finds model methods that change something, are called
// often, and have no label. Nothing is said when there are none.
func (i *instance) examineOperations(path string) []collector.Finding {
	file, err := os.Open(path)
	if err != nil {
		return nil // said already
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > lookedAt {
		_, _ = file.Seek(-lookedAt, io.SeekEnd)
	}
	lines := bufio.NewScanner(io.LimitReader(file, lookedAt))
	lines.Buffer(nil, logtail.MaxLine)
	p, ops, found := newParser(i.s.Config.Format), newClassifier(i.s.Config.Operations, i.s.Config.Rules), unlisted{}
	for lines.Scan() {
		if p.parse(lines.Bytes()) == unparsed {
			continue
		}
		method := pair(p.req.Path)
		if op, _ := ops.classify(p.req.Method, p.req.Path); op == idxOther && writes(string(method)) {
			found.add(method)
		}
	}
	most := found.most(oftenSeen)
	if len(most) == 0 {
		return nil
	}
	return []collector.Finding{{
		Subject: "operations", State: collector.Advised,
		Text: fmt.Sprintf("%d model methods that change something are called often and count as other", len(most)),
		Do:   "list those an objective is about: operations: [" + strings.Join(most[:min(len(most), mostNamed)], ", ") + "]",
	}}
}

// examineOwn reads the beginning of Traefik's own log.
func examineOwn(path string) (well string, err error) {
	head, err := readLog(path, "log: {filePath: "+path+", level: INFO}")
	if err != nil || len(head) == 0 {
		return "readable, and empty so far", err
	}
	for line := range bytes.Lines(head) {
		if _, ok := parseOwn(bytes.TrimSpace(line)); ok {
			return "readable", nil
		}
	}
	return "", &fault.Error{
		Op: "read " + path, Kind: fault.Schema, Err: errors.New("its lines are not those of Traefik's own log"),
		Hint: "write the path of Traefik's log.filePath, not that of its access log",
	}
}

// examineLog reads the beginning of an access log.
func examineLog(path, format string) (well string, err error) {
	head, err := readLog(path, "accessLog: {filePath: "+path+", format: json}")
	switch {
	case err != nil:
		return "", err
	case len(head) == 0:
		return "readable, and empty so far", nil
	case format != formatCLF && head[0] == '{':
		return "readable, JSON", nil
	case format == formatJSON:
		return "", &fault.Error{Op: "read " + path, Kind: fault.Schema, Err: errors.New("its lines are not JSON"), Hint: "have Traefik write accessLog.format: json, or write format: clf"}
	}
	return "readable, CLF: operations are known by JSON's paths only, so prefer accessLog.format: json", nil
}

// readLog reads the beginning of a log, which is switched on as setting says.
func readLog(path, setting string) ([]byte, error) {
	op := "read " + path
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &fault.Error{Op: op, Kind: fault.Unreachable, Err: fs.ErrNotExist, Hint: "switch it on in Traefik: " + setting}
	case err == nil && !info.Mode().IsRegular(): // opening a pipe would wait for its writer
		return nil, &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("is not a file"), Hint: "have Traefik write to a file"}
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(path)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, &fault.Error{Op: op, Kind: fault.Denied, Err: fs.ErrPermission, Hint: "setfacl -m u:closewatch:r " + path + ", and in logrotate: create 0644"}
	}
	if err != nil {
		return nil, fault.Wrap(op, err, "check the path")
	}
	defer file.Close()
	head, err := io.ReadAll(io.LimitReader(file, logtail.MaxLine))
	if err != nil {
		return nil, fault.Wrap(op, err, "check the disk")
	}
	return head, nil
}
