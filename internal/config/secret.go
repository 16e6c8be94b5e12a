package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// The ways in which a secret cannot be had.
var (
	ErrSecretTwice    = errors.New("is given by a file and by the environment (remove one of the two)")
	ErrSecretWritable = errors.New("can be written by other users (chmod go-w)")
	ErrSecretEmpty    = errors.New("is empty")
	ErrSecretLong     = errors.New("is longer than 64 KiB")
)

const maxSecret = 64 << 10

// Secret reads a secret from a file or, when no file is named, from the
// environment variable named env; one line break at a file's end is not part of
// it. With neither set it is empty. Errors never hold the secret.
func Secret(file, env string) (string, error) {
	value := os.Getenv(env)
	if file == "" {
		return value, nil
	}
	if value != "" {
		return "", fmt.Errorf("secret of %s and %s: %w", file, env, ErrSecretTwice)
	}
	value, err := secretFile(file)
	if err != nil {
		return "", fmt.Errorf("reading the secret in %s: %w", file, err)
	}
	return value, nil
}

// secretFile lets others read the file, as container platforms mount secrets that
// way, but not write it: who writes it chooses the secret.
func secretFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", errors.Unwrap(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", errors.Unwrap(err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return "", ErrSecretWritable
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", errors.Unwrap(err)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	switch {
	case value == "":
		return "", ErrSecretEmpty
	case len(text) > maxSecret:
		return "", ErrSecretLong
	}
	return value, nil
}
