package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// asFS is a directory with files in memory.
func asFS(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, content := range files {
		out[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return out
}

func verifyFiles(t *testing.T, files map[string]string, anchors ...Anchor) Report {
	t.Helper()
	r, err := Verify(asFS(files), Options{Anchors: anchors})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantFirst fails unless the first finding is at a line of a file.
func wantFirst(t *testing.T, what string, r Report, file string, line int) {
	t.Helper()
	if r.Intact() {
		t.Errorf("%s: nothing found", what)
		return
	}
	if f := r.Findings[0]; f.File != file || f.Line != line {
		t.Errorf("%s: found %s; want it in %s line %d", what, f, file, line)
	}
}

// lineAt is the line of a content in which a byte is, from 1.
func lineAt(content string, offset int) int { return 1 + strings.Count(content[:offset], "\n") }

// Each byte of each file counts.
func TestEveryFlippedByteIsFound(t *testing.T) {
	files := load(t, storyDir(t))
	delete(files, lockFile)
	bits := []byte{0x01}
	if torture() {
		bits = []byte{0x01, 0x20, 0x80}
	}
	for name, content := range files {
		for i := 0; i < len(content); i += every(7) {
			for _, bit := range bits {
				b := []byte(content)
				b[i] ^= bit
				changed := maps.Clone(files)
				changed[name] = string(b)
				r := verifyFiles(t, changed)
				what := fmt.Sprintf("%s byte %d ^ %#x", name, i, bit)
				if strings.HasSuffix(name, ".log") {
					wantFirst(t, what, r, name, lineAt(content, i))
				} else if r.Intact() {
					t.Errorf("%s: nothing found", what)
				}
			}
		}
	}
}

func TestEveryTruncationIsFound(t *testing.T) {
	files := load(t, storyDir(t))
	for _, name := range segmentsOf(files) {
		content := files[name]
		for i := 0; i < len(content); i += every(7) {
			changed := maps.Clone(files)
			changed[name] = content[:i]
			wantFirst(t, fmt.Sprintf("%s cut at %d", name, i), verifyFiles(t, changed), name, lineAt(content, i))
		}
	}
}

// A position is a line of a segment.
type position struct {
	file string
	line int // from 0
}

func positions(files map[string]string) []position {
	var out []position
	for _, name := range segmentsOf(files) {
		for i := range strings.Count(files[name], "\n") {
			out = append(out, position{name, i})
		}
	}
	return out
}

func split(content string) []string { return slices.Collect(strings.Lines(content)) }

func TestEveryDroppedLineIsFound(t *testing.T) {
	files := load(t, storyDir(t))
	for _, p := range positions(files) {
		changed := maps.Clone(files)
		changed[p.file] = strings.Join(slices.Delete(split(files[p.file]), p.line, p.line+1), "")
		wantFirst(t, fmt.Sprint("without ", p), verifyFiles(t, changed), p.file, p.line+1)
	}
}

func TestEveryRepeatedLineIsFound(t *testing.T) {
	files := load(t, storyDir(t))
	for _, p := range positions(files) {
		lines := split(files[p.file])
		changed := maps.Clone(files)
		changed[p.file] = strings.Join(slices.Insert(lines, p.line, lines[p.line]), "")
		wantFirst(t, fmt.Sprint("twice ", p), verifyFiles(t, changed), p.file, p.line+2)
	}
}

func TestEverySwapIsFound(t *testing.T) {
	files := load(t, storyDir(t))
	all := positions(files)
	for i, a := range all {
		for _, b := range all[i+1:] {
			parts := map[string][]string{a.file: split(files[a.file]), b.file: split(files[b.file])}
			parts[a.file][a.line], parts[b.file][b.line] = parts[b.file][b.line], parts[a.file][a.line]
			changed := maps.Clone(files)
			for name, lines := range parts {
				changed[name] = strings.Join(lines, "")
			}
			wantFirst(t, fmt.Sprint("swapped ", a, b), verifyFiles(t, changed), a.file, a.line+1)
		}
	}
}

// forge changes the body of a line and hashes it and all after it anew, across
// segments, as somebody would who knows the format.
func forge(files map[string]string, name string, line int, change func(body string) string) {
	prev, started := "", false
	for _, file := range segmentsOf(files) {
		lines := split(files[file])
		for i, text := range lines {
			_, body, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
			if started && i == 0 {
				was := quoted(body, `"after_hash":"`)
				body = strings.Replace(body, was, prev, 1)
			}
			if file == name && i == line {
				body, started = change(body), true
			}
			if started {
				switch {
				case i == 0:
					prev = quoted(body, `"after_hash":"`)
				case prev == "":
					prev = lines[i-1][:64]
				}
				if a := quoted(body, `"hash":"`); strings.Contains(body, `"class":"anchor"`) {
					body = strings.Replace(body, a, recordBefore(files, lines[:i], file), 1)
				}
				prev = chain(prev, []byte(body))
				lines[i] = prev + " " + body + "\n"
			}
		}
		files[file] = strings.Join(lines, "")
	}
}

// recordBefore is the hash of the last record before a line.
func recordBefore(files map[string]string, before []string, file string) string {
	if len(before) > 1 {
		return before[len(before)-1][:64]
	}
	all := segmentsOf(files)
	lines := split(files[all[slices.Index(all, file)-1]])
	return lines[len(lines)-1][:64]
}

// quoted is what stands after a text up to the next quotation mark.
func quoted(s, after string) string {
	_, s, _ = strings.Cut(s, after)
	s, _, _ = strings.Cut(s, `"`)
	return s
}

// reseal writes seals and head anew over what was forged.
func reseal(t *testing.T, files map[string]string) {
	t.Helper()
	for _, file := range segmentsOf(files) {
		name, _ := parseSegmentName(file)
		s, err := scanSegment(strings.NewReader(files[file]), name, visit{})
		if err != nil || s.finding != nil {
			t.Fatalf("forged badly: %v, %v", err, s.finding)
		}
		if _, finished := files[file+sealSuffix]; finished {
			files[file+sealSuffix] = string(s.seal().text(file))
		}
		files[headFile] = s.record.line()
	}
}

// reanchor writes anchors.txt anew over what was forged.
func reanchor(files map[string]string) {
	var out strings.Builder
	for line := range strings.Lines(files[anchorsFile]) {
		var a Anchor
		_, _ = fmt.Sscanf(line, "%s %d %s", &a.Date, &a.Seq, &a.Hash)
		for _, p := range positions(files) {
			text := split(files[p.file])[p.line]
			if strings.Contains(text, fmt.Sprintf(`{"seq":%d,`, a.Seq)) {
				a.Hash = text[:64]
			}
		}
		out.WriteString(a.String() + "\n")
	}
	files[anchorsFile] = out.String()
}

// The attacks of somebody who can write the directory, and what catches each.
func TestTampering(t *testing.T) {
	files := load(t, storyDir(t))
	s := segmentsOf(files)
	if len(s) < 4 {
		t.Fatalf("the story has %d segments", len(s))
	}
	external, err := ReadAnchors(strings.NewReader(files[anchorsFile]), "vault.txt")
	if err != nil {
		t.Fatal(err)
	}
	soften := func(body string) string { return strings.Replace(body, "business-critical", "degradation", 1) }
	tests := map[string]struct {
		change  func(f map[string]string)
		anchors []Anchor
		kind    Kind // "" when nothing can tell
		file    string
		line    int
		says    string // when more than the kind counts
	}{
		"nothing was changed": {change: func(map[string]string) {}, anchors: external},
		"the first segment was removed": {change: func(f map[string]string) {
			delete(f, s[0])
			delete(f, s[0]+sealSuffix)
		}, kind: MissingSegment, file: s[1], line: 1},
		"a segment in the middle was removed": {change: func(f map[string]string) {
			delete(f, s[1])
			delete(f, s[1]+sealSuffix)
		}, kind: MissingSegment, file: s[2]},
		"the newest segment was removed": {change: func(f map[string]string) {
			delete(f, s[len(s)-1])
		}, kind: CutOff, file: s[len(s)-2], line: strings.Count(files[s[len(s)-2]], "\n") + 1},
		"the newest segments and head were removed, a seal was forgotten": {change: func(f map[string]string) {
			delete(f, s[len(s)-1])
			delete(f, s[len(s)-2])
			delete(f, headFile)
			delete(f, anchorsFile)
		}, kind: MissingSegment, file: s[len(s)-2]},
		"the end and head were removed, an anchor outside is there": {change: func(f map[string]string) {
			for _, name := range s[1:] {
				delete(f, name)
				delete(f, name+sealSuffix)
			}
			delete(f, headFile)
			delete(f, anchorsFile)
		}, anchors: external, kind: CutOff, file: s[0], line: strings.Count(files[s[0]], "\n") + 1},
		"everything was removed, an anchor outside is there": {change: func(f map[string]string) {
			clear(f)
		}, anchors: external, kind: CutOff, file: headFile},
		"a segment was replaced by another log's": {change: func(f map[string]string) {
			other := maps.Clone(f)
			forge(other, s[0], 2, soften)
			f[s[1]] = other[s[1]]
		}, kind: BadHeader, file: s[1], line: 1},
		"two segments changed places": {change: func(f map[string]string) {
			f[s[1]], f[s[2]] = f[s[2]], f[s[1]]
		}, kind: BadHeader, file: s[1], line: 1},
		"a segment was copied under a new number": {change: func(f map[string]string) {
			f["2026-11-30-000009.log"] = f[s[0]]
		}, kind: MissingSegment, file: "2026-11-30-000009.log"},
		"a segment was copied under its own number": {change: func(f map[string]string) {
			f["2026-11-30-000002.log"] = f[s[1]]
			f["2026-11-30-000002.log.seal"] = strings.ReplaceAll(f[s[1]+sealSuffix], s[1], "2026-11-30-000002.log")
		}, kind: BadHeader, file: "2026-11-30-000002.log", line: 1},
		"a seal was removed": {change: func(f map[string]string) {
			delete(f, s[1]+sealSuffix)
		}, kind: BadSeal, file: s[1]},
		"a seal is another segment's": {change: func(f map[string]string) {
			f[s[1]+sealSuffix] = f[s[0]+sealSuffix]
		}, kind: BadSeal, file: s[1] + sealSuffix},
		"a record was edited and all after it hashed anew": {change: func(f map[string]string) {
			forge(f, s[0], 2, soften)
			delete(f, anchorsFile)
		}, kind: BadSeal, file: s[0]},
		"and the seals and head written anew": {change: func(f map[string]string) {
			forge(f, s[0], 2, soften)
			reseal(t, f)
		}, kind: BadAnchor, file: s[0]},
		"and the anchors beside the log": {change: func(f map[string]string) {
			forge(f, s[0], 2, soften)
			reseal(t, f)
			reanchor(f)
		}},
		"which a copy of the anchors elsewhere tells": {change: func(f map[string]string) {
			forge(f, s[0], 2, soften)
			reseal(t, f)
			reanchor(f)
		}, anchors: external, kind: BadAnchor, file: s[0]},
		"an anchor in the log was edited": {change: func(f map[string]string) {
			forge(f, s[1], 1, func(body string) string { return strings.Replace(body, `"seq":"4"`, `"seq":"3"`, 1) })
			reseal(t, f)
			delete(f, anchorsFile)
		}, kind: BadAnchor, file: s[1], line: 2},
		"the anchor's date was edited": {change: func(f map[string]string) {
			f[anchorsFile] = strings.Replace(f[anchorsFile], "2026-11-24", "2026-11-23", 1)
		}, kind: BadAnchor, file: s[0]},
		"a header claims damage to hide a record": {change: func(f map[string]string) {
			forge(f, s[1], 0, func(body string) string {
				return strings.TrimSuffix(strings.Replace(body, `"after_seq":4`, `"after_seq":5`, 1), "}") +
					`,"damaged":[{"file":"` + s[0] + `","sha256":"` + strings.Repeat("0", 64) + `","bytes":1}]}`
			})
		}, kind: CutOff, file: s[1], line: 1},
		"a record was dropped and all after it hashed anew": {change: func(f map[string]string) {
			forge(f, s[0], 2, func(body string) string { return strings.Replace(body, `"seq":2`, `"seq":3`, 1) })
		}, kind: BadSequence, file: s[0], line: 3},
		"a segment has another's number in its header": {change: func(f map[string]string) {
			forge(f, s[1], 0, func(body string) string { return strings.Replace(body, `"segment":2`, `"segment":7`, 1) })
		}, kind: BadHeader, file: s[1], line: 1},
		"a segment was cut off in a line and its seal removed": {change: func(f map[string]string) {
			f[s[1]] = strings.TrimSuffix(f[s[1]], "}\n")
			delete(f, s[1]+sealSuffix)
		}, kind: CutOff, file: s[1], line: strings.Count(files[s[1]], "\n")},
		"a field was added to a record": {change: func(f map[string]string) {
			forge(f, s[0], 2, func(body string) string { return strings.TrimSuffix(body, "}") + `,"tier":"low"}` })
		}, kind: BadForm, file: s[0], line: 3},
		"a record has a class nobody knows": {change: func(f map[string]string) {
			forge(f, s[0], 2, func(body string) string { return strings.Replace(body, "decision", "opinion", 1) })
		}, kind: BadForm, file: s[0], line: 3},
		"the format is a later one": {change: func(f map[string]string) {
			forge(f, s[1], 0, func(body string) string { return strings.Replace(body, `"format":1`, `"format":2`, 1) })
		}, kind: BadHeader, file: s[1], line: 1},
		"a line is not UTF-8": {change: func(f map[string]string) {
			forge(f, s[0], 2, func(body string) string { return strings.Replace(body, "failed", "f\xffiled", 1) })
		}, kind: BadForm, file: s[0], line: 3, says: "the line is not UTF-8"},
		"a line has no end": {change: func(f map[string]string) {
			f[s[0]] += strings.Repeat("x", 3*maxLine)
		}, kind: BadForm, file: s[0], line: strings.Count(files[s[0]], "\n") + 1},
		"head is not a head": {change: func(f map[string]string) {
			f[headFile] = "somewhere\n"
		}, kind: BadForm, file: headFile},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			changed := maps.Clone(files)
			tt.change(changed)
			r := verifyFiles(t, changed, tt.anchors...)
			if tt.kind == "" {
				if !r.Intact() {
					t.Fatalf("%s; want it to go unnoticed", r)
				}
				return
			}
			if r.Intact() {
				t.Fatal("nothing found")
			}
			f := r.Findings[0]
			if f.Kind != tt.kind || f.File != tt.file || tt.line != 0 && f.Line != tt.line || !strings.HasPrefix(f.Text, tt.says) {
				t.Errorf("found %s: %s; want %s in %s line %d", f.Kind, f, tt.kind, tt.file, tt.line)
			}
		})
	}
}

// What is on disk is verified as it is in memory.
func TestStoryIsIntact(t *testing.T) {
	dir := storyDir(t)
	r := wantIntact(t, dir)
	if r.Anchored != 2 || r.Segments < 4 || len(r.Warnings) != 0 {
		t.Errorf("%d anchors agree in %d segments, warnings %v", r.Anchored, r.Segments, r.Warnings)
	}
	var sum uint64
	for _, n := range r.Classes {
		sum += n
	}
	if sum != r.Records {
		t.Errorf("classes sum up to %d of %d records", sum, r.Records)
	}
	first := segmentsOf(load(t, dir))[0]
	b, err := os.ReadFile(dir + "/" + first)
	if err != nil {
		t.Fatal(err)
	}
	whole := sha256.Sum256(b)
	if seal, _ := parseSeal([]byte(load(t, dir)[first+sealSuffix]), first); seal.sha256 != hex.EncodeToString(whole[:]) {
		t.Error("the seal is not the SHA-256 of the file")
	}
}
