package pgsession

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// encode writes arguments as text; the server infers their types.
func encode(args []any) ([][]byte, error) {
	values := make([][]byte, len(args))
	for i, arg := range args {
		text, err := encodeOne(arg)
		if err != nil {
			return nil, fmt.Errorf("argument $%d: %w", i+1, err)
		}
		values[i] = text
	}
	return values, nil
}

func encodeOne(arg any) ([]byte, error) {
	switch v := arg.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(v), nil
	case bool:
		return strconv.AppendBool(nil, v), nil
	case int:
		return strconv.AppendInt(nil, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(nil, v, 10), nil
	case float64:
		return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
	case time.Time:
		return []byte(v.UTC().Format("2006-01-02 15:04:05.999999Z07:00")), nil
	case time.Duration:
		return []byte(strconv.FormatInt(v.Microseconds(), 10) + " microseconds"), nil
	case []string:
		return array(v, quote), nil
	case []int:
		return array(v, strconv.Itoa), nil
	case []int64:
		return array(v, func(n int64) string { return strconv.FormatInt(n, 10) }), nil
	default:
		return nil, fmt.Errorf("cannot send a %T", arg)
	}
}

func array[T any](list []T, write func(T) string) []byte {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = write(v)
	}
	return []byte("{" + strings.Join(parts, ",") + "}")
}

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func quote(s string) string { return `"` + quoting.Replace(s) + `"` }
