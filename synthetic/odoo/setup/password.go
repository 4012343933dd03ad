package setup

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// A File keeps a password in a file that only its owner may read, as an estate
// names it: password: ${file:/path}. It implements Keeper.
type File struct {
	Path  string
	LogIn func(ctx context.Context, login string, password secret.Value) error // into the same database
}

// Works implements Keeper. A file that is not there keeps none.
func (f File) Works(ctx context.Context, login string) (bool, error) {
	b, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fault.Wrap("read the password file", err, "check the rights on it")
	}
	kept := secret.New(strings.TrimRight(string(b), "\r\n"))
	if kept.IsZero() {
		return false, nil
	}
	err = f.LogIn(ctx, login, kept)
	if fault.KindOf(err) == fault.Auth {
		return false, nil
	}
	return err == nil, err
}

// passwordBytes is how much chance a password is made of: 192 bits.
const passwordBytes = 24

// Renew implements Keeper. The file is replaced whole.
func (f File) Renew() (secret.Value, error) {
	b := make([]byte, passwordBytes)
	_, _ = rand.Read(b) // never fails
	made := base64.RawURLEncoding.EncodeToString(b)
	if err := durable.WriteFile(f.Path, []byte(made+"\n")); err != nil {
		return secret.Value{}, fault.Wrap("write the password file", err, "name a file in a directory that you may write to")
	}
	return secret.New(made), nil
}
