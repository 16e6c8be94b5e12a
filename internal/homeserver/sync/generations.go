package sync

import "sync"

// maxGeneration is how many values one generation has.
const maxGeneration = 512

// generations remembers values that were used lately. When the young have become many they
// are the old, and the old before them are forgotten. The zero value is ready.
type generations[K comparable, V any] struct {
	mu         sync.Mutex // guards both
	young, old map[K]V
}

// find is a value, the zero one if it is not remembered.
func (g *generations[K, V]) find(key K) V {
	g.mu.Lock()
	defer g.mu.Unlock()
	v, _ := g.lookUp(key)
	return v
}

// get is a value, made if it is not remembered.
func (g *generations[K, V]) get(key K, make func() V) V {
	g.mu.Lock()
	defer g.mu.Unlock()
	v, known := g.lookUp(key)
	if !known {
		v = make()
		g.keep(key, v)
	}
	return v
}

func (g *generations[K, V]) put(key K, v V) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keep(key, v)
}

// lookUp finds a value and keeps it young.
func (g *generations[K, V]) lookUp(key K) (v V, known bool) {
	if v, known = g.young[key]; known {
		return v, true
	}
	if v, known = g.old[key]; known {
		g.keep(key, v)
	}
	return v, known
}

func (g *generations[K, V]) keep(key K, v V) {
	if len(g.young) >= maxGeneration {
		g.old, g.young = g.young, nil
	}
	if g.young == nil {
		g.young = map[K]V{}
	}
	g.young[key] = v
}
