package recovery

import (
	"bytes"
	"crypto/sha1" // pgBackRest's checksum, against damage
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// An infoFile is one of pgBackRest's info files: sections of keys with JSON
// values.
type infoFile map[string]map[string]json.RawMessage

// infoFormat is the format of info files and manifests since pgBackRest 1.0.
const infoFormat = "5"

// parseInfo reads an info file and checks its checksum: the SHA-1 of its
// sections written as one JSON object, without the checksum itself
// (pgBackRest, info/info.c).
func parseInfo(text []byte) (infoFile, error) {
	if bytes.HasPrefix(text, []byte("Salted__")) {
		return nil, errors.New("is encrypted: write info: with what `pgbackrest info --output=json` printed")
	}
	file := infoFile{}
	sum := sha1.New()
	section, summed, want := "", "", ""
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok && strings.HasSuffix(name, "]") {
			section = strings.TrimSuffix(name, "]")
			if file[section] == nil {
				file[section] = map[string]json.RawMessage{}
			}
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !found || section == "" || !json.Valid([]byte(value)) {
			return nil, fmt.Errorf("line %d is neither a section nor a key with a JSON value", n)
		}
		if section == "backrest" && key == "backrest-checksum" {
			_ = json.Unmarshal([]byte(value), &want)
			continue
		}
		if _, twice := file[section][key]; twice {
			return nil, fmt.Errorf("line %d repeats a key", n)
		}
		file[section][key] = json.RawMessage(value)
		switch {
		case section == summed:
			_, _ = sum.Write([]byte(","))
		case summed == "":
			fmt.Fprintf(sum, `{"%s":{`, section)
		default:
			fmt.Fprintf(sum, `},"%s":{`, section)
		}
		summed = section
		fmt.Fprintf(sum, `"%s":%s`, key, value)
	}
	_, _ = sum.Write([]byte("}}"))
	switch {
	case want == "":
		return nil, errors.New("has no checksum: it is not all there")
	case want != hex.EncodeToString(sum.Sum(nil)):
		return nil, errDamaged
	case string(file["backrest"]["backrest-format"]) != infoFormat:
		return nil, fmt.Errorf("is of a format other than %s", infoFormat)
	}
	return file, nil
}

// get decodes one value.
func (f infoFile) get(section, key string, into any) error {
	raw, there := f[section][key]
	if !there {
		return fmt.Errorf("has no %s in section %s", key, section)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s in section %s is not what it should be", key, section)
	}
	return nil
}
