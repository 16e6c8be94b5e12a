package stream

// Waiting is how many users are remembered.
func (n *Notifier) Waiting() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.users)
}
