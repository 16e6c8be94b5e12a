package idclienttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// Reply has questions whose path ends so answered by a status and a body, such as "200 {}"; by
// nothing at all for an empty text. Without an end it is the truth again.
func (s *Server) Reply(end, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if end == "" {
		clear(s.replies)
		return
	}
	s.replies[end] = text
}

// ReplyOnce is Reply to the next question.
func (s *Server) ReplyOnce(end, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.once[end] = text
}

// reply is what is said instead of the truth.
func (s *Server) reply(path string) (text string, replies bool) {
	for _, all := range []map[string]string{s.once, s.replies} {
		for end, text := range all {
			if strings.HasSuffix(path, end) {
				delete(s.once, end)
				return text, true
			}
		}
	}
	return "", false
}

// read is the answer that a text stands for.
func read(text string) (fedclient.Response, error) {
	if text == "" {
		return fedclient.Response{}, fedclient.ErrUnreachable
	}
	number, body, _ := strings.Cut(text, " ")
	var status int
	_, err := fmt.Sscan(number, &status)
	return fedclient.Response{Status: status, Header: http.Header{}, Body: []byte(body)}, err
}

// OK is an answer.
func OK(body map[string]any) fedclient.Response {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return fedclient.Response{Status: http.StatusOK, Header: http.Header{}, Body: b}
}

// Refusal is an answer that is an error.
func Refusal(status int, code matrix.ErrCode) fedclient.Response {
	r := OK(map[string]any{"errcode": code, "error": "no"})
	r.Status = status
	return r
}

// CaptchaNeeded is an answer that asks for one.
func CaptchaNeeded() fedclient.Response {
	r := OK(map[string]any{"errcode": matrix.CaptchaNeeded, "error": "no", "im.signet.challenge": map[string]any{"id": "c", "url": "https://id.test/c"}})
	r.Status = http.StatusForbidden
	return r
}
