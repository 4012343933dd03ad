package certificate

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/closewatch/closewatch/internal/fault"
)

// Bounds of a file: the system's own bundle of authorities has some 150
// certificates in 220 kB.
const (
	maxFile         = 1 << 20
	maxCertificates = 1000
)

// readFile returns the certificates of a PEM file in their order, at least one.
func readFile(path string) ([]*x509.Certificate, error) {
	op := "read " + path
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(op, err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, &fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("is not a file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(op, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, unreadable(op, err)
	case len(text) > maxFile:
		return nil, &fault.Error{Op: op, Kind: fault.Schema, Err: fmt.Errorf("is longer than %d bytes", maxFile)}
	}
	chain, err := parse(text)
	if err != nil {
		return nil, &fault.Error{Op: op, Kind: fault.Schema, Err: err, Hint: "write the certificate as PEM, its chain after it"}
	}
	return chain, nil
}

func unreadable(op string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok { // repeats the path
		err = p.Err
	}
	f := &fault.Error{Op: op, Kind: fault.Unreachable, Err: err, Hint: "check the path"}
	if errors.Is(err, fs.ErrPermission) {
		f.Kind, f.Hint = fault.Denied, "make the file and its folders readable for the daemon's user"
	}
	return f
}

// parse returns the certificates of a PEM text. Other blocks are passed over,
// keys among them.
func parse(text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		switch {
		case block == nil && len(out) == 0:
			return nil, errors.New("holds no PEM certificate")
		case block == nil:
			return out, nil
		case block.Type != "CERTIFICATE":
			continue
		case len(out) == maxCertificates:
			return nil, fmt.Errorf("holds more than %d certificates", maxCertificates)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil { // says where in the encoding, not what is there
			return nil, fmt.Errorf("certificate %d is broken: %w", len(out)+1, err)
		}
		out = append(out, c)
	}
}

// authorities returns those to trust: of a file, or else the system's.
func authorities(path string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if path != "" {
		chain, err := readFile(path)
		for _, c := range chain {
			pool.AddCert(c)
		}
		return pool, err
	}
	system, err := x509.SystemCertPool()
	if err == nil && system.Equal(pool) {
		err = errors.New("there are none")
	}
	if err != nil {
		return nil, &fault.Error{Op: "read this machine's authorities", Kind: fault.Internal, Err: err, Hint: "install ca-certificates, or write ca: /path"}
	}
	return system, nil
}
