package main

import (
	"signet/internal/homeserver/fedapi"
	"signet/internal/homeserver/transaction"
	"signet/internal/program"
)

// buildTransactions opens the door for what other servers send.
func (s *server) buildTransactions(f program.Frame) error {
	s.transactions = transaction.New(transaction.Options{
		DB:       s.DB,
		Receiver: s.inbound,
		Handler:  edus{s.encryption},
		Now:      f.Now,
		Log:      s.log,
		Explain:  fedapi.Explain,
	})
	return nil
}
