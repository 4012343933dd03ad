package odoosim

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// hashPassword renders a password as Odoo stores it: pbkdf2_sha512 in passlib's
// notation, whose alphabet has '.' for '+' and no padding.
func hashPassword(password string, rounds int) (string, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key, err := pbkdf2.Key(sha512.New, password, salt, rounds, sha512.Size)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$pbkdf2-sha512$%d$%s$%s", rounds, adaptedEncoding().EncodeToString(salt), adaptedEncoding().EncodeToString(key)), nil
}

// checkPassword reports whether password is the one stored. It takes as long
// as the stored number of rounds says.
func checkPassword(stored, password string) bool {
	parts := strings.Split(stored, "$")
	if len(parts) != 5 || parts[1] != "pbkdf2-sha512" {
		return false
	}
	rounds, err := strconv.Atoi(parts[2])
	if err != nil || rounds < 1 {
		return false
	}
	salt, err := adaptedEncoding().DecodeString(parts[3])
	if err != nil {
		return false
	}
	want, err := adaptedEncoding().DecodeString(parts[4])
	if err != nil {
		return false
	}
	got, err := pbkdf2.Key(sha512.New, password, salt, rounds, sha512.Size)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1
}

func adaptedEncoding() *base64.Encoding {
	return base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").WithPadding(base64.NoPadding)
}
