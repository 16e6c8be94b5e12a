package main

import (
	"signet/internal/homeserver/edu"
	"signet/internal/homeserver/fedapi"
	"signet/internal/homeserver/transaction"
	"signet/internal/program"
)

// buildTransactions opens the door for what other servers send.
func (s *server) buildTransactions(f program.Frame) error {
	s.transactions = transaction.New(transaction.Options{
		DB:       s.DB,
		Receiver: s.inbound,
		Handler: &edu.Handler{
			Encryption: s.encryption, Lists: s.peers.lists, Receipts: s.receipts, Typing: s.typing, Rooms: s.rooms, Doors: s.inbound,
		},
		Now:     f.Now,
		Log:     s.log,
		Explain: fedapi.Explain,
	})
	return nil
}
