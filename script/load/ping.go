package main

import "context"

var ping = only(get(v2, caller{}))

func preparePing(ctx context.Context, s settings) (*stage, error) {
	w, err := build(ctx, s, scene{})
	if err != nil {
		return nil, err
	}
	return &stage{close: w.close, run: func(ctx context.Context) ([]figures, error) { return w.each(ctx, ping) }}, nil
}

// each measures one source after the other.
func (w *world) each(ctx context.Context, sources ...source) (all []figures, err error) {
	for _, next := range sources {
		f, err := w.measure(ctx, next)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}
