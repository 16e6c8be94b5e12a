package sms

import "strings"

// Tried is one try that was marked: a provider, and the ID of the message that it
// was marked for.
type Tried struct {
	Provider string
	Message  string
}

// Line is a try as a text holds it, one after the other. Neither part has spaces.
func (t Tried) Line() string { return t.Message + " " + t.Provider + "\n" }

// ParseTried reads such a text: it is the inverse of lines put together.
func ParseTried(text string) (tried []Tried) {
	for line := range strings.Lines(text) {
		message, provider, _ := strings.Cut(strings.TrimSpace(line), " ")
		tried = append(tried, Tried{Provider: provider, Message: message})
	}
	return tried
}
