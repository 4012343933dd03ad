package recovery

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// DropFormat is that of Drop.
const DropFormat = "closewatch-backups/v1"

// A Drop is a file in which a tool says what it backed up: barman, WAL-G, a
// listing of an object store, a copy of a filestore. It is one JSON object,
// and nothing after it but the line of a seal:
//
//	{
//	  "format": "closewatch-backups/v1",
//	  "tool": "restic",
//	  "generatedAt": "2026-03-31T02:10:00Z",
//	  "backups": [
//	    {"id": "a1", "part": "filestore", "type": "full",
//	     "startedAt": "2026-03-31T02:00:00Z", "finishedAt": "2026-03-31T02:09:00Z",
//	     "sizeBytes": 73400320, "ok": true}
//	  ]
//	}
//	sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
//
// generatedAt says when the tool was asked, and is renewed also when nothing
// was added. The seal is the SHA-256 of all before its line.
type Drop struct {
	Format      string       `json:"format"`
	Tool        string       `json:"tool"`
	GeneratedAt time.Time    `json:"generatedAt"`
	Backups     []DropBackup `json:"backups"`
}

// A DropBackup is one backup of a Drop.
type DropBackup struct {
	ID         string    `json:"id"`
	Part       string    `json:"part"` // database, filestore, configuration or objects
	Type       string    `json:"type"` // full, differential or incremental
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt"`
	SizeBytes  *int64    `json:"sizeBytes"` // of what a restore brings back; may be left out
	OK         *bool     `json:"ok"`
	BuildsOn   []string  `json:"buildsOn,omitempty"` // ids of this drop
	// Segments of the write-ahead log without which a backup of the database is
	// not whole; looked for in the estate's walArchive.
	WALFirst string `json:"walFirst,omitempty"`
	WALLast  string `json:"walLast,omitempty"`
}

// maxDropBackups bounds a drop.
const maxDropBackups = 50_000

// readDrop reads a drop.
func readDrop(path string, segmentSize int64) (state, error) {
	text, _, err := readFile(path)
	if err != nil {
		return state{}, err
	}
	s, err := parseDrop(text, segmentSize)
	if err != nil {
		return state{}, &fault.Error{Op: "read " + path, Kind: fault.Schema, Err: err, Hint: "write it whole under another name, then rename it"}
	}
	return s, nil
}

func parseDrop(text []byte, segmentSize int64) (state, error) {
	body, seal := splitSeal(text)
	if seal != "" {
		if err := checkSeal(body, seal, nil); err != nil {
			return state{}, err
		}
	}
	var d Drop
	if err := decodeJSON(body, &d, true); err != nil {
		return state{}, err
	}
	switch {
	case d.Format != DropFormat:
		return state{}, fmt.Errorf("its format is %s, not %s", clip(d.Format), DropFormat)
	case d.GeneratedAt.IsZero():
		return state{}, errors.New("has no generatedAt")
	case d.Backups == nil:
		return state{}, errors.New("has no backups, not even an empty list")
	case len(d.Backups) > maxDropBackups:
		return state{}, fmt.Errorf("lists more than %d backups", maxDropBackups)
	}
	s := state{written: d.GeneratedAt}
	seen := map[string]bool{}
	for n, b := range d.Backups {
		made, err := b.backup(segmentSize)
		if err == nil && seen[b.ID] {
			err = errors.New("has the id of another")
		}
		if err == nil && b.FinishedAt.After(d.GeneratedAt.Add(skew)) {
			err = errors.New("ended after the drop was generated")
		}
		if err != nil {
			return state{}, fmt.Errorf("backups[%d] %w", n, err)
		}
		seen[b.ID] = true
		s.backups = append(s.backups, made)
	}
	return s, nil
}

func (b DropBackup) backup(segmentSize int64) (backup, error) {
	out := backup{
		label: b.ID, part: part(b.Part), kind: kind(b.Type), start: b.StartedAt, stop: b.FinishedAt, size: -1, buildsOn: b.BuildsOn,
	}
	switch {
	case b.ID == "":
		return out, errors.New("has no id")
	case !slices.Contains(parts, out.part):
		return out, fmt.Errorf("is of part %s, which is not database, filestore, configuration or objects", clip(b.Part))
	case !slices.Contains(kinds, out.kind):
		return out, fmt.Errorf("is of type %s, which is not full, differential or incremental", clip(b.Type))
	case b.OK == nil:
		return out, errors.New("does not say whether it is ok")
	case b.StartedAt.IsZero() || b.FinishedAt.IsZero():
		return out, errors.New("has no startedAt or no finishedAt")
	case b.SizeBytes != nil && *b.SizeBytes < 0:
		return out, errors.New("has a negative size")
	}
	if b.SizeBytes != nil {
		out.size = *b.SizeBytes
	}
	out.failed = !*b.OK
	if b.WALFirst == "" && b.WALLast == "" {
		return out, nil
	}
	out.needsLog = true
	var err error
	if out.first, err = parseSegment(b.WALFirst, segmentSize); err == nil {
		out.last, err = parseSegment(b.WALLast, segmentSize)
	}
	return out, err
}

// The kinds of seals.
const (
	sealSHA256  = "sha256: "
	sealEd25519 = "ed25519: "
)

// splitSeal parts a document from its last line, if that is a seal.
func splitSeal(text []byte) (body []byte, seal string) {
	trimmed := bytes.TrimRight(text, "\r\n")
	at := bytes.LastIndexByte(trimmed, '\n') + 1
	last := string(trimmed[at:])
	if strings.HasPrefix(last, sealSHA256) || strings.HasPrefix(last, sealEd25519) {
		return text[:at], last
	}
	return text, ""
}

// checkSeal checks that a document is as it was sealed. With a key, only a
// signature by it is a seal: anybody can write a checksum.
func checkSeal(body []byte, seal string, key ed25519.PublicKey) error {
	if sum, ok := strings.CutPrefix(seal, sealSHA256); ok && key == nil {
		want, err := hex.DecodeString(sum)
		got := sha256.Sum256(body)
		if err != nil || subtle.ConstantTimeCompare(want, got[:]) != 1 {
			return errDamaged
		}
		return nil
	}
	signature, ok := strings.CutPrefix(seal, sealEd25519)
	switch {
	case !ok:
		return errors.New("is not signed: end it with the line ed25519: and the signature of all before it")
	case key == nil:
		return errors.New("is signed, but no key is known to check it with")
	}
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || !ed25519.Verify(key, body, raw) {
		return errors.New("its signature does not match: it was edited, or signed with another key")
	}
	return nil
}

// ReadKey reads the public key of whoever signs restore tests: an Ed25519 key
// as PEM, as `openssl pkey -pubout` writes it.
func ReadKey(path string) (ed25519.PublicKey, error) {
	text, _, err := readFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block != nil {
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if key, ok := parsed.(ed25519.PublicKey); ok && err == nil {
			return key, nil
		}
	}
	return nil, &fault.Error{Op: "read " + path, Kind: fault.Schema, Err: errors.New("is not an Ed25519 public key as PEM"), Hint: "write it with openssl pkey -pubout"}
}
