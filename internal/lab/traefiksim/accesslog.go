package traefiksim

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// A logFile appends whole lines, one write each. A nil *logFile drops them.
type logFile struct {
	conf AccessLog
	mu   sync.Mutex
	file *os.File // nil once closed
}

func openLog(conf AccessLog) (*logFile, error) {
	if conf.Path == "" {
		return nil, nil
	}
	l := &logFile{conf: conf}
	return l, l.reopen()
}

// reopen starts a new file at the path, for a log that was moved away.
func (l *logFile) reopen() error {
	if l == nil {
		return nil
	}
	file, err := os.OpenFile(l.conf.Path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o664)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_ = l.file.Close()
	}
	l.file = file
	return nil
}

func (l *logFile) close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}

// write appends the line of r.
func (l *logFile) write(r *record) error {
	if l == nil {
		return nil
	}
	fields := r.fields()
	if !l.conf.DropHeaders {
		r.headers(fields)
	}
	line, err := encode(l.conf.Format, fields)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	_, err = l.file.Write(line)
	return err
}

func encode(format Format, fields map[string]any) ([]byte, error) {
	if format == Common {
		return commonLine(fields), nil
	}
	fields["level"] = "info"
	fields["msg"] = ""
	fields["time"] = time.Now().Format(time.RFC3339)
	line, err := json.Marshal(fields) // keys in byte order, as recorded
	return append(line, '\n'), err
}

// commonLine renders the common log format with Traefik's four additions:
// number, router, server URL and whole milliseconds. Nothing is escaped.
func commonLine(f map[string]any) []byte {
	plain := func(key string) any {
		if v, ok := f[key]; ok && v != "" {
			return v
		}
		return "-"
	}
	quoted := func(key string) string { return fmt.Sprintf(`"%v"`, plain(key)) }
	duration := time.Duration(f["Duration"].(int64))
	return fmt.Appendf(nil, "%v - %v [%s] \"%v %v %v\" %v %v %s %s %v %s %s %dms\n",
		plain("ClientHost"), plain("ClientUsername"), f["StartUTC"].(time.Time).Format("02/Jan/2006:15:04:05 -0700"),
		plain("RequestMethod"), plain("RequestPath"), plain("RequestProtocol"),
		plain("DownstreamStatus"), plain("DownstreamContentSize"),
		quoted("request_Referer"), quoted("request_User-Agent"),
		plain("RequestCount"), quoted("RouterName"), quoted("ServiceURL"), duration.Milliseconds())
}
