package main

import (
	"bufio"
	"bytes"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"
)

// sink is a mail server that takes every message and does as little as it can with it.
type sink struct {
	addr     string
	delay    time.Duration // of its answer to a message
	open     func(to, code string)
	listener net.Listener

	mu    sync.Mutex // guards conns
	conns map[net.Conn]bool
}

// startSink starts a mail server. open, if set, is told the code of each message.
func startSink(delay time.Duration, open func(to, code string)) (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{addr: l.Addr().String(), delay: delay, open: open, listener: l, conns: map[net.Conn]bool{}}
	go s.accept()
	return s, nil
}

func (s *sink) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = true
		s.mu.Unlock()
		go s.serve(c)
	}
}

// close ends the sink and cuts its connections.
func (s *sink) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

func (s *sink) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	}()
	t := &transaction{sink: s, r: bufio.NewReaderSize(c, 32<<10), w: bufio.NewWriter(c)}
	for reply := "220 load"; reply != ""; {
		if _, err := t.w.WriteString(reply + "\r\n"); err != nil {
			return
		}
		if t.r.Buffered() == 0 && t.w.Flush() != nil {
			return
		}
		reply = t.command()
	}
}

// transaction is what a connection is at.
type transaction struct {
	*sink
	r  *bufio.Reader
	w  *bufio.Writer
	to string
}

// command reads a command and returns the answer; none ends the connection.
func (t *transaction) command() string {
	line, err := t.r.ReadSlice('\n')
	if err != nil || len(line) < 4 {
		return ""
	}
	switch strings.ToUpper(string(line[:4])) {
	case "EHLO":
		return "250-load\r\n250-8BITMIME\r\n250 PIPELINING"
	case "RCPT":
		_, rest, _ := bytes.Cut(line, []byte("<"))
		to, _, _ := bytes.Cut(rest, []byte(">"))
		t.to = string(to)
	case "DATA":
		return t.data()
	case "QUIT":
		return ""
	}
	return "250 ok"
}

// codePattern is the line that has a code to itself.
var codePattern = regexp.MustCompile(`^\s*(\d{4}) ?(\d{4})\s*$`)

// data reads a message up to the line that ends it, and its code if somebody wants it.
func (t *transaction) data() string {
	if _, err := t.w.WriteString("354 go on\r\n"); err != nil || t.w.Flush() != nil {
		return ""
	}
	var code string
	for {
		line, err := t.r.ReadSlice('\n')
		if err != nil {
			return ""
		}
		if len(line) == 3 && line[0] == '.' {
			break
		}
		if t.open == nil || code != "" {
			continue
		}
		if found := codePattern.FindSubmatch(line); found != nil {
			code = string(found[1]) + string(found[2])
		}
	}
	if t.open != nil {
		t.open(t.to, code)
	}
	time.Sleep(t.delay) // this is the slow server's whole purpose
	return "250 taken"
}
