package tickrecord

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/closewatch/closewatch/internal/durable"
)

// A Record is all that was known and decided at a tick.
type Record struct {
	At       time.Time // on the grid; in UTC when it was read
	Config   string    // hash of the configuration in force
	Calendar string    // hash of the calendar in force
	Version  string    // of the program
	Evidence string    // head of the evidence log
	Payload  []byte    // the caller's
}

// Bounds of a record, in bytes.
const (
	MaxPayload = 12 << 20
	maxText    = 1 << 10 // each of the four texts
)

// window is how far back the compressor looks for what it has seen, and the
// memory it holds on to: more than a tick of a large estate. The default for the
// level keeps eight times as much and makes no record of up to this size smaller.
const window = 1 << 20

// Layout of a record, see FORMAT.md.
const (
	format       = 1
	envelopeSize = 10

	flagOpened  = 1 << 0 // the first record of a process
	flagStepped = 1 << 1 // ticks were refused since the record before
	knownFlags  = flagOpened | flagStepped
)

// errFormat says that a record is whole but not what this program writes.
var errFormat = errors.New("the record is not in a format this program knows")

// A codec packs and unpacks records. It is safe for concurrent use.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec() (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(window),
		zstd.WithEncoderLevel(zstd.SpeedBetterCompression)) // a quarter less than the default, for a millisecond a tick
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxPayload+8*maxText))
	return &codec{enc, dec}, err
}

func (c *codec) close() error {
	c.dec.Close()
	return c.enc.Close()
}

// pack encodes a record: what is needed to find it in the clear, the rest
// compressed.
func (c *codec) pack(r Record, flags byte) []byte {
	var body []byte
	for _, text := range []string{r.Config, r.Calendar, r.Version, r.Evidence} {
		body = binary.AppendUvarint(body, uint64(len(text)))
		body = append(body, text...)
	}
	body = append(body, r.Payload...)
	out := binary.LittleEndian.AppendUint64([]byte{format, flags}, uint64(r.At.UnixNano())) //nolint:gosec // the bits are what is kept
	return c.enc.EncodeAll(body, out)
}

// An envelope is what is in the clear.
type envelope struct {
	seq   uint64
	at    time.Time
	flags byte
	body  []byte // compressed
}

func openEnvelope(r durable.Record) (envelope, error) {
	b := r.Payload
	if len(b) < envelopeSize || b[0] != format || b[1]&^knownFlags != 0 {
		return envelope{}, fmt.Errorf("record %d: %w", r.Seq, errFormat)
	}
	nanos := int64(binary.LittleEndian.Uint64(b[2:])) //nolint:gosec // the bits are what was kept
	return envelope{r.Seq, time.Unix(0, nanos).UTC(), b[1], b[envelopeSize:]}, nil
}

// unpack decodes what pack encoded.
func (c *codec) unpack(e envelope) (Record, error) {
	r := Record{At: e.at}
	body, err := c.dec.DecodeAll(e.body, nil)
	if err != nil {
		return Record{}, fmt.Errorf("record %d: %w: %w", e.seq, errFormat, err)
	}
	for _, text := range []*string{&r.Config, &r.Calendar, &r.Version, &r.Evidence} {
		n, size := binary.Uvarint(body)
		if size <= 0 || n > maxText || n > uint64(len(body)-size) { //nolint:gosec // not negative
			return Record{}, fmt.Errorf("record %d: %w", e.seq, errFormat)
		}
		*text = string(body[size : size+int(n)]) //nolint:gosec // at most maxText
		body = body[size+int(n):]                //nolint:gosec // at most maxText
	}
	r.Payload = body
	return r, nil
}
