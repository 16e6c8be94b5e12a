// Package config reads the YAML file of a program, strictly: an unknown key, a
// wrong type or a rule that is not kept is a Problem, and all problems of a file
// are reported together, each with its place and a hint.
//
// It owns the keys that both programs share (Common, TLS, Federation, Log) and
// knows nothing of what the programs do with them. The struct is the manual: the
// comment of a field is its documentation, and Keys lists the fields so that a
// test can hold docs/configuration.md against them. Relative paths in a file are
// relative to the working directory of the program, not to the file.
package config
