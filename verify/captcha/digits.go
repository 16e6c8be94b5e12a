package captcha

import "strconv"

// digitCount is how many digits a challenge has.
const digitCount = 6

// Answer reveals the digits of a challenge, whether there is one of this id or not.
// It is for the development mailbox and for tests, and for nobody else.
func (c *Captcha) Answer(id string) string {
	answer := c.digits(id)
	for i := range answer {
		answer[i] += '0'
	}
	return string(answer)
}

// digits derives the digits of a challenge, each from 0 to 9. They are as secret as
// the key: the id says nothing of them.
func (c *Captcha) digits(id string) []byte {
	return digitsFrom(func(block int) []byte { return c.mac.Of("digits", id, strconv.Itoa(block)) })
}

// digitsFrom takes the digits from as many random blocks as it needs. An octet of 250
// or more makes no digit, or 0 to 5 would come more often than 6 to 9.
func digitsFrom(random func(block int) []byte) []byte {
	digits := make([]byte, 0, digitCount)
	for block := 0; ; block++ {
		for _, b := range random(block) {
			if b >= 250 {
				continue
			}
			if digits = append(digits, b%10); len(digits) == digitCount {
				return digits
			}
		}
	}
}
