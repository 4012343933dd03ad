package odoorpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// request is the JSON-RPC 2.0 envelope that every JSON route of Odoo expects.
type request struct {
	JSONRPC string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
	ID      int64  `json:"id"`
}

// response is what comes back: error, result, or neither for None.
type response struct {
	Version string          `json:"jsonrpc"`
	Result  json.RawMessage `json:"result"`
	Error   *wireError      `json:"error"`
}

type wireError struct {
	Code int `json:"code"`
	Data struct {
		Name    string `json:"name"`
		Message string `json:"message"`
	} `json:"data"`
}

// sessionExpired is the one error code that means the same in every version.
const sessionExpired = 100

// decodeResponse reads an envelope. ok is false when body is not one.
func decodeResponse(body []byte) (response, bool) {
	var r response
	if !startsObject(body) || json.Unmarshal(body, &r) != nil || r.Version != "2.0" {
		return response{}, false
	}
	return r, true
}

// decodeResult stores a result in out. A None, which Odoo does not send at
// all, leaves out as it was.
func decodeResult(result json.RawMessage, out any) error {
	if out == nil || len(result) == 0 || bytes.Equal(result, []byte("null")) {
		return nil
	}
	if err := json.Unmarshal(result, out); err != nil {
		return fmt.Errorf("the result does not have the expected shape: %w", shapeOf(err))
	}
	return nil
}

// shapeOf reduces a decoding error to what is wrong, without the value.
func shapeOf(err error) error {
	if typed, ok := err.(*json.UnmarshalTypeError); ok { //nolint:errorlint // json.Unmarshal returns it unwrapped
		return fmt.Errorf("%s where %s was expected", typed.Value, typed.Type)
	}
	return errors.New("malformed JSON")
}

func startsObject(body []byte) bool {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{'
}
