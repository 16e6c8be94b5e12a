package keydirectory

import (
	"context"
	"time"
)

// RunEach is Run by a clock of the test.
func RunEach(d *Directory, ctx context.Context, next <-chan time.Time) error { return d.run(ctx, next) }
