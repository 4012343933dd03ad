package recovery

import (
	"os"
	"testing"
)

func addFile(f *testing.F, path string) []byte {
	f.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	return text
}

// No input makes a parser panic, and what is taken can be judged.
func FuzzInfo(f *testing.F) {
	f.Add(addFile(f, "testdata/repository/backup.info")[:300])
	addFile(f, "testdata/repository/archive.info")
	f.Add(sealedInfo("[backrest]\nbackrest-format=5\n\n[backup:current]\na={}\n\n[backrest]\nbackrest-checksum=\"\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseInfo(text)
		if (err == nil) != (file != nil) {
			t.Fatalf("parseInfo() = %v, %v", file, err)
		}
		if err != nil {
			return
		}
		c, err := clusterOf(file)
		if err != nil {
			return
		}
		backups, err := backupsOf(file, c.id, segmentSize)
		if err == nil {
			cover(state{backups: backups, log: &archive{}})
		}
	})
}

func FuzzInfoDrop(f *testing.F) {
	text := addFile(f, "testdata/repository/info.json")
	f.Add([]byte(`{"generatedAt": "2026-11-26T20:00:00Z", "info": ` + string(text) + `}`))
	f.Fuzz(func(_ *testing.T, text []byte) {
		stanzas, at, err := parseInfoDrop(text)
		if err != nil {
			return
		}
		for _, stanza := range stanzas {
			for _, key := range []int{0, 1} {
				if s, err := stanza.state("info.json", key, at, expectation{"main", "", segmentSize}); err == nil && sane(s, noon) == nil {
					cover(s)
				}
			}
		}
	})
}

func FuzzDrop(f *testing.F) {
	body := []byte(`{"format": "closewatch-backups/v1", "tool": "restic", "generatedAt": "2026-11-26T20:00:00Z", "backups": [` + dropped("a", database, fullEnd) + `]}` + "\n")
	f.Add(body)
	f.Add(sealed(body))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseDrop(text, segmentSize)
		if err != nil {
			return
		}
		if s.written.IsZero() {
			t.Fatal("a drop without its time was taken")
		}
		if sane(s, noon) == nil {
			cover(s)
		}
	})
}

func FuzzRestoreTest(f *testing.F) {
	f.Add(sealed(report(nil)))
	f.Add(append(report(nil), "ed25519: AAAA"...))
	f.Add([]byte("sha256: "))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, s := range []Standard{standard(), {Now: noon, Key: make([]byte, 32)}} {
			r, defect := VerifyRestoreTest(text, s)
			if defect == nil {
				_ = r.Passed()
			} else if r.ID != "" {
				t.Fatal("a report was returned that is no evidence")
			}
		}
	})
}

func FuzzLog(f *testing.F) {
	f.Add("000000010000000A000000FF", []byte("1\t0/5000028\treason\n"))
	f.Fuzz(func(t *testing.T, name string, history []byte) {
		s, err := parseSegment(name, segmentSize)
		if err == nil && s.timeline == 0 {
			t.Fatal("a segment of timeline 0 was taken")
		}
		forks, err := parseHistory(history, 1<<31, segmentSize)
		if err != nil {
			return
		}
		a := &archive{segments: map[uint32][]archived{s.timeline: {{s.number, noon}}, 1: {{1, noon}}}, histories: map[uint32][]fork{1 << 31: forks}}
		cover(state{backups: []backup{base("a", segment{1, 1}, segment{1, 1})}, log: a})
	})
}
