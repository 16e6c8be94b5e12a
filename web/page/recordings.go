package page

import (
	"context"
	"slices"
	"sync"
)

// reading is one CAPTCHA read aloud in one language.
type reading struct{ id, language string }

// recordings keep what was read aloud last, by this process: a browser that asks for
// the rest of a recording must get the rest of the same.
type recordings struct {
	mu   sync.Mutex // guards kept
	kept []recording
}

type recording struct {
	reading
	wav []byte
}

// maxRecordings is how many are kept, of some 160 kB each.
const maxRecordings = 32

// read finds a reading, or has it read aloud and counted.
func (r *recordings) read(ctx context.Context, from Captcha, what reading) ([]byte, error) {
	if wav := r.find(what); wav != nil {
		return wav, nil
	}
	wav, err := from.Audio(ctx, what.id, what.language)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) == maxRecordings {
		r.kept = slices.Delete(r.kept, 0, 1)
	}
	r.kept = append(r.kept, recording{what, wav})
	return wav, nil
}

func (r *recordings) find(what reading) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.kept {
		if k.reading == what {
			return k.wav
		}
	}
	return nil
}
