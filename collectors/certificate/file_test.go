package certificate

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/closewatch/closewatch/internal/fault"
)

func TestReadFile(t *testing.T) {
	root := authorityFor(t, "Root")
	own := leaf(t, root, nil)
	block := func(b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b}) }
	join := func(parts ...[]byte) (out []byte) {
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	tests := map[string]struct {
		content []byte
		want    int
		kind    fault.Kind
	}{
		"a certificate":                {content: encode(own), want: 1},
		"a chain":                      {content: encode(own, root), want: 2},
		"a key before the certificate": {content: join(own.encodeKey(t), encode(own)), want: 1},
		"words between":                {content: join([]byte("subject=erp\n"), encode(own), []byte("and\n"), encode(root)), want: 2},
		"nothing":                      {kind: fault.Schema},
		"a key alone":                  {content: own.encodeKey(t), kind: fault.Schema},
		"DER":                          {content: own.cert.Raw, kind: fault.Schema},
		"a broken certificate":         {content: join(encode(own), block(root.cert.Raw[:100])), kind: fault.Schema},
		"half a certificate":           {content: encode(own)[:200], kind: fault.Schema},
		"too long":                     {content: join(encode(own), []byte(strings.Repeat("\n", maxFile))), kind: fault.Schema},
		"too many":                     {content: []byte(strings.Repeat(string(encode(root)), maxCertificates+1)), kind: fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readFile(write(t, tt.content))
			if fault.KindOf(err) != tt.kind || len(got) != tt.want {
				t.Errorf("readFile() = %d certificates, %v, want %d, kind %q", len(got), err, tt.want, tt.kind)
			}
			if err != nil && fault.HintOf(err) == "" && tt.kind == fault.Schema && len(tt.content) < maxFile {
				t.Errorf("readFile() = %v, want a hint", err)
			}
		})
	}
}

func TestReadFileThatIsNone(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, kind := range map[string]fault.Kind{
		filepath.Join(t.TempDir(), "absent.pem"): fault.Unreachable,
		t.TempDir():                              fault.Schema,
		pipe:                                     fault.Schema,
	} {
		if _, err := readFile(path); fault.KindOf(err) != kind || strings.Count(err.Error(), path) != 1 {
			t.Errorf("readFile() = %v, want kind %s and the path once", err, kind)
		}
	}
	if err := unreadable("read x", &os.PathError{Op: "open", Path: "x", Err: syscall.EACCES}); fault.KindOf(err) != fault.Denied {
		t.Errorf("unreadable() = %v, want kind denied", err)
	}
}

func FuzzParse(f *testing.F) {
	root := authorityFor(f, "Root")
	f.Add(encode(root))
	f.Add(append(encode(root), root.encodeKey(f)...))
	f.Fuzz(func(t *testing.T, text []byte) {
		chain, err := parse(text)
		if (err == nil) != (len(chain) > 0) {
			t.Fatalf("parse() = %d certificates, %v", len(chain), err)
		}
		if err != nil {
			return
		}
		v := judge(chain, question{now: march31, roots: pool(root), name: "erp.test"})
		_, _, _ = v.valid(), issuer(chain[0]), keyOf(chain[0])
	})
}
