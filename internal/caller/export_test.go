package caller

// Crowd is how many keys are counted among the registrations under way.
func Crowd(g *Gate) int {
	g.visitors.mu.Lock()
	defer g.visitors.mu.Unlock()
	return len(g.visitors.within)
}
