package recovery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// A printed is what `pgbackrest info --output=json` prints of a stanza
// (pgBackRest 2.32 to 2.57).
type printed struct {
	Name   string `json:"name"`
	Status struct {
		Code int `json:"code"`
	} `json:"status"`
	Repositories []struct {
		Key    int `json:"key"`
		Status struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"status"`
	} `json:"repo"`
	Databases []struct {
		ID         int         `json:"id"`
		Repository int         `json:"repo-key"`
		System     json.Number `json:"system-id"`
	} `json:"db"`
	Backups []printedBackup `json:"backup"`
}

type printedBackup struct {
	Label   string `json:"label"`
	Type    string `json:"type"`
	Error   bool   `json:"error"`
	Archive struct {
		Start *string `json:"start"`
		Stop  *string `json:"stop"`
	} `json:"archive"`
	Database struct {
		ID         int `json:"id"`
		Repository int `json:"repo-key"`
	} `json:"database"`
	Info struct {
		Size *int64 `json:"size"`
	} `json:"info"`
	Prior     string   `json:"prior"`
	Reference []string `json:"reference"`
	Timestamp struct {
		Start int64 `json:"start"`
		Stop  int64 `json:"stop"`
	} `json:"timestamp"`
}

// status codes of a repository that hinder nothing (pgBackRest,
// command/info/info.c): ok, and no valid backup, which is a finding of ours.
const (
	statusOK        = 0
	statusNoBackups = 2
)

// readInfoDrop reads what `pgbackrest info --output=json` printed into a file,
// either as it is or as {"generatedAt": time, "info": [...]}. The first form
// was written when its file was.
func readInfoDrop(path string, key int, x expectation) (state, error) {
	text, written, err := readFile(path)
	if err != nil {
		return state{}, err
	}
	stanzas, at, err := parseInfoDrop(text)
	if err != nil {
		return state{}, &fault.Error{Op: "read " + path, Kind: fault.Schema, Err: err, Hint: "write it whole under another name, then rename it"}
	}
	if at.IsZero() {
		at = written
	}
	for _, s := range stanzas {
		if s.Name == x.stanza {
			return s.state(path, key, at, x)
		}
	}
	return state{}, &fault.Error{Op: "read " + path, Kind: fault.Assertion, Err: fmt.Errorf("has no stanza %s", x.stanza), Hint: "write the name of a stanza in it"}
}

func parseInfoDrop(text []byte) ([]printed, time.Time, error) {
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		var stanzas []printed
		return stanzas, time.Time{}, decodeJSON(text, &stanzas, false)
	}
	var drop struct {
		GeneratedAt time.Time `json:"generatedAt"`
		Info        []printed `json:"info"`
	}
	err := decodeJSON(text, &drop, false)
	if err == nil && drop.GeneratedAt.IsZero() {
		err = errors.New("has no generatedAt")
	}
	return drop.Info, drop.GeneratedAt, err
}

func (p printed) state(path string, key int, written time.Time, x expectation) (state, error) {
	known := key == 0
	for _, r := range p.Repositories {
		if key != 0 && r.Key != key {
			continue
		}
		known = true
		if r.Status.Code != statusOK && r.Status.Code != statusNoBackups {
			return state{}, &fault.Error{
				Op: "read " + path, Kind: fault.Unavailable,
				Err: fmt.Errorf("pgBackRest says of repository %d: %s", r.Key, clip(r.Status.Message)), Hint: "run pgbackrest check",
			}
		}
	}
	if !known {
		return state{}, &fault.Error{Op: "read " + path, Kind: fault.Assertion, Err: fmt.Errorf("has no repository %d", key), Hint: "write one of its keys as key"}
	}
	current := map[int]int{} // the newest database of each repository
	for _, d := range p.Databases {
		if key != 0 && d.Repository != key {
			continue
		}
		if d.ID < current[d.Repository] {
			continue
		}
		current[d.Repository] = d.ID
	}
	for _, d := range p.Databases {
		if current[d.Repository] == d.ID {
			if err := x.checkSystem(path, d.System); err != nil {
				return state{}, err
			}
		}
	}
	s := state{written: written}
	for _, b := range p.Backups {
		if id, wanted := current[b.Database.Repository]; !wanted || id != b.Database.ID {
			continue
		}
		e := entry{
			First: b.Archive.Start, Last: b.Archive.Stop, Start: b.Timestamp.Start, Stop: b.Timestamp.Stop,
			Type: b.Type, Size: b.Info.Size, Error: b.Error, Prior: b.Prior, On: b.Reference,
		}
		made, err := e.backup(b.Label, x.segmentSize)
		if err != nil {
			return state{}, &fault.Error{Op: "read " + path, Kind: fault.Schema, Err: err}
		}
		s.backups = append(s.backups, made)
	}
	return s, nil
}

// decodeJSON reads one JSON value and nothing after it. A strict one has no
// field that is not known.
func decodeJSON(text []byte, into any, strict bool) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if strict {
		d.DisallowUnknownFields()
	}
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errPartial
		}
		return fmt.Errorf("is not the JSON it should be: %w", bounded(err, d.InputOffset()))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("has something after its JSON, at byte %d", d.InputOffset())
	}
	return nil
}

// errPartial says that a file ends too early.
var errPartial = errors.New("is cut off: it was not written to its end")

// bounded says where JSON is wrong without quoting much of it.
func bounded(err error, at int64) error {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = e.Offset
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s is a %s, at byte %d", clip(e.Field), e.Value, e.Offset)
	}
	const most = 120
	text := err.Error()
	if len(text) > most {
		text = text[:most]
	}
	return fmt.Errorf("%s, at byte %d", text, at)
}
