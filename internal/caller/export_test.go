package caller

// Crowd is how many keys are counted among the registrations under way.
func Crowd(g *Gate) int { return g.visitors.Keys() }
