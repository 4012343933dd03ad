package flow

import (
	"encoding/json"
	"hash/crc32"
)

// A checkedLine is how a record stands in a file of lines: a torn or changed
// line is told by its checksum and costs no other.
type checkedLine struct {
	CRC    uint32          `json:"crc32c"`
	Record json.RawMessage `json:"record"`
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// encodeLine returns a record as one line, its end included.
func encodeLine(record any) ([]byte, error) {
	b, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(checkedLine{CRC: crc32.Checksum(b, castagnoli()), Record: b})
	return append(line, '\n'), err
}

// decodeLine reads what encodeLine wrote, and reports false for anything else.
func decodeLine(line []byte, record any) bool {
	var wrapped checkedLine
	if json.Unmarshal(line, &wrapped) != nil || crc32.Checksum(wrapped.Record, castagnoli()) != wrapped.CRC {
		return false
	}
	return json.Unmarshal(wrapped.Record, record) == nil
}
