package table

// pages is an array of values by record number that grows without being copied. What was
// never set is zero.
type pages[V any] struct{ all []*[pageLen]V }

const pageLen = 1 << 14

func (p *pages[V]) get(n uint32) (v V) {
	if page := n / pageLen; int(page) < len(p.all) {
		return p.all[page][n%pageLen]
	}
	return v
}

func (p *pages[V]) set(n uint32, v V) {
	for int(n/pageLen) >= len(p.all) {
		p.all = append(p.all, new([pageLen]V))
	}
	p.all[n/pageLen][n%pageLen] = v
}
