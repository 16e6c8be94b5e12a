package captcha

import "errors"

// What can be wrong with a challenge or an answer.
var (
	// ErrUnknown says that no challenge has this id, or that it is another subject's.
	ErrUnknown = errors.New("no such CAPTCHA")
	// ErrExpired says that the challenge, or the time to use it after it was passed, is
	// over.
	ErrExpired = errors.New("the CAPTCHA has expired")
	// ErrDead says that all its tries were used up by wrong answers.
	ErrDead = errors.New("the CAPTCHA was answered wrongly too often")
	// ErrWrong says that the answer is not the right one. Only six digits use up a try.
	ErrWrong = errors.New("the answer to the CAPTCHA is not correct")
	// ErrNotPassed says that nobody has given the right answer yet.
	ErrNotPassed = errors.New("the CAPTCHA is not passed yet")
	// ErrSpent says that the challenge was used in this way already.
	ErrSpent = errors.New("the CAPTCHA has been used already")
	// ErrTooOften says that the challenge was read aloud as often as it may be.
	ErrTooOften = errors.New("the CAPTCHA was read aloud too often")
)

// IsRefusal tells whether err is one of these: an answer about a challenge, and no
// failure of ours.
func IsRefusal(err error) bool {
	for _, answer := range []error{ErrUnknown, ErrExpired, ErrDead, ErrWrong, ErrNotPassed, ErrSpent, ErrTooOften} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}
