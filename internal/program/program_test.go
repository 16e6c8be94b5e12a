package program

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

type failing struct {
	Commands
	Fail failCommand `cmd:""`
}

type failCommand struct {
	Coded bool
}

type three struct{ error }

func (three) ExitCode() int { return 3 }

func (c failCommand) Run() error {
	if c.Coded {
		return fmt.Errorf("wrapped: %w", three{errors.New("in vain")})
	}
	return errors.New("in vain")
}

// A command that fails can say with which exit status.
func TestExitStatus(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{{[]string{"fail"}, 1}, {[]string{"fail", "--coded"}, 3}, {[]string{"nothing"}, 2}} {
		var out, trouble bytes.Buffer
		p := Program{Name: "test"}
		if got := p.Run(new(failing), c.args, Env{Stdout: &out, Stderr: &trouble}); got != c.want || trouble.Len() == 0 {
			t.Errorf("%v ends with %d and says %q, want %d", c.args, got, trouble.String(), c.want)
		}
	}
}
