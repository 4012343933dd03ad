package auth

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
)

// maxFile bounds a web configuration file, in bytes: certificates may be
// written in it.
const maxFile = 1 << 20

// A File is a web configuration file of Prometheus' exporter toolkit, read and
// checked: tls_server_config, basic_auth_users, http_server_config and
// rate_limit. A nil File is that of an estate that names none.
type File struct {
	path   string
	config web.Config
}

// ReadFile reads a web configuration file and everything it refers to. The
// error says where in the file, its hint what to write instead; neither shows
// a secret.
func ReadFile(path string) (*File, error) {
	data, err := read(path)
	if err != nil {
		return nil, &fault.Error{Op: "read " + path, Kind: fault.Rejected, Err: err, Hint: "name a file that the daemon's user may read, of at most 1 MiB"}
	}
	// The toolkit's defaults: it does not export how it reads a file.
	f := &File{path: path, config: web.Config{
		TLSConfig:  web.TLSConfig{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13},
		HTTPConfig: web.HTTPConfig{HTTP2: true},
	}}
	if err := decode(data, &f.config); err != nil {
		return nil, f.mistake(place(err), reason(err), "write it as the exporter toolkit's web configuration says")
	}
	f.config.TLSConfig.SetDirectory(filepath.Dir(path))
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *File) mistake(at, what, hint string) error {
	return &fault.Error{Op: f.path + at, Kind: fault.Rejected, Err: errors.New(what), Hint: hint}
}

func (f *File) check() error {
	for _, name := range slices.Sorted(maps.Keys(f.config.Users)) {
		cost, err := bcrypt.Cost([]byte(f.config.Users[name]))
		field := fmt.Sprintf("basic_auth_users: %q", name)
		switch {
		case err != nil: // it tells parts of what it read
			return f.mistake("", field+" has no bcrypt hash", "write what htpasswd -nBC 10 prints behind the colon")
		case cost > maxCost:
			return f.mistake("", fmt.Sprintf("%s has a hash of cost %d, and each login would take too long", field, cost), fmt.Sprintf("write a hash of cost 10 to %d", maxCost))
		case name == "" || strings.Contains(name, ":"):
			return f.mistake("", field+" is no name that can log in", "write a name without a colon")
		}
	}
	if l := f.config.RateLimiterConfig; l.Interval < 0 || l.Interval > 0 && l.Burst < 1 {
		return f.mistake("", "rate_limit lets nothing through", "write an interval such as 10ms and a burst of at least 1")
	}
	if err := web.Validate(f.path); err != nil {
		return f.mistake("", strings.Join(strings.Fields(err.Error()), " "), "write it as the exporter toolkit's web configuration says, with files that the daemon's user may read")
	}
	return nil
}

func read(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer must not be waited for
	if err != nil {
		if pe, ok := errors.AsType[*os.PathError](err); ok {
			err = pe.Err
		}
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("is not a file")
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return nil, errors.New("cannot be read")
	case len(data) > maxFile:
		return nil, errors.New("is too large")
	}
	return data, nil
}

// decode is strict, and shields the daemon from a parser that panics.
func decode(data []byte, into *web.Config) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("is not YAML that can be read")
		}
	}()
	if err := yaml.UnmarshalWithOptions(data, into, yaml.Strict()); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// place is where in the file a mistake is: ":line:column".
func place(err error) string {
	if at, ok := errors.AsType[yaml.Error](err); ok && at.GetToken() != nil && at.GetToken().Position != nil {
		return fmt.Sprintf(":%d:%d", at.GetToken().Position.Line, at.GetToken().Position.Column)
	}
	return ""
}

// reason is what is wrong, without the lines of the file around it.
func reason(err error) string {
	if at, ok := errors.AsType[yaml.Error](err); ok {
		return at.GetMessage()
	}
	return err.Error()
}

// Facts is what the estate is checked against.
func (f *File) Facts() estate.WebFile {
	if f == nil {
		return estate.WebFile{}
	}
	verify := []string{"VerifyClientCertIfGiven", "RequireAndVerifyClientCert"}
	return estate.WebFile{
		Users:   slices.Sorted(maps.Keys(f.config.Users)),
		Clients: slices.Contains(verify, f.config.TLSConfig.ClientAuth),
	}
}

// TLS reports whether connections are encrypted.
func (f *File) TLS() bool { return f != nil && f.config.TLSConfig.IsEnabled() }

func (f *File) hashes() map[string][]byte {
	out := map[string][]byte{}
	if f != nil {
		for name, hash := range f.config.Users {
			out[name] = []byte(hash)
		}
	}
	return out
}

func (f *File) headers() map[string]string {
	if f == nil {
		return nil
	}
	return f.config.HTTPConfig.Header
}

// flood is the limit of the file for all requests together; nil is none.
func (f *File) flood() *rate.Limiter {
	if f == nil || f.config.RateLimiterConfig.Interval == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Every(f.config.RateLimiterConfig.Interval), f.config.RateLimiterConfig.Burst)
}
