package stream

// Remembered is how many users are remembered.
func (n *Notifier) Remembered() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.users)
}
