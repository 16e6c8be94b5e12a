package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File    string // empty when the key is not in a file
	Line    int    // of the key in the file, counted from 1
	Key     string // dotted path such as email.smtp, empty for the whole file
	Message string // what is wrong, continuing the key: "must be a number"
	Hint    string // what to write instead, may be empty
}

// String is the problem on one line: "signet.yaml:4: email.smtp: message (hint)".
func (p Problem) String() string {
	line := p.Message
	if p.Key != "" {
		line = p.Key + ": " + line
	}
	if p.File != "" {
		line = fmt.Sprintf("%s:%d: %s", p.File, p.Line, line)
	}
	if p.Hint != "" {
		line += " (" + p.Hint + ")"
	}
	return line
}

// Problems is everything that is wrong with a configuration, as one error.
type Problems []Problem

// Error tells the problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Add appends a problem with a key, its message and a hint.
func (p *Problems) Add(key, message, hint string) {
	*p = append(*p, Problem{Key: key, Message: message, Hint: hint})
}

// err is the problems as an error, nil when there are none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// covers tells whether a problem about key, or about a section it lies in, is
// already known: a value that could not be read must not be blamed twice.
func (p Problems) covers(key string) bool {
	return slices.ContainsFunc(p, func(q Problem) bool {
		return q.Key == key || strings.HasPrefix(key, q.Key+".")
	})
}

// unknownHint helps with a key that does not exist: with the name that was
// probably meant, otherwise with all the names there are.
func unknownHint(got string, known []string) string {
	best, distance := "", len(got)/3+1
	for _, name := range known {
		if d := editDistance(got, name); d <= distance {
			best, distance = name, d-1
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "known here: " + strings.Join(known, ", ")
}

// editDistance counts the letters to insert, delete or replace to turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
