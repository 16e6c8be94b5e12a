package mxhttp_test

import (
	"errors"
	"fmt"
	"testing"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

func TestAnswers(t *testing.T) {
	first, second := errors.New("the first"), errors.New("the second")
	answers := mxhttp.Answers{{first, 403, matrix.Forbidden}, {second, 404, matrix.NotFound}, {first, 400, matrix.BadJSON}}
	for _, tt := range []struct {
		err error
		is  error // of the table
	}{
		{first, first},
		{fmt.Errorf("secret: %w", second), second},
		{fmt.Errorf("%w: %w", second, first), first},
		{errors.New("the first"), nil},
	} {
		p, known := answers.To(tt.err)
		if known != (tt.is != nil) {
			t.Errorf("%v: known = %v", tt.err, known)
		}
		if known && (p.Message != tt.is.Error() || p.Status == 400 || !errors.Is(p, tt.is) || errors.Is(p, first) != (tt.is == first)) {
			t.Errorf("%v = %v, an answer to %v, want one to %v", tt.err, p, p.Err, tt.is)
		}
	}
}
