package captcha

var (
	// Picture is Image whatever became of the challenge.
	Picture = (*Captcha).picture
	// Normalise reads the digits of an answer.
	Normalise = normalise
	// DigitsFrom takes the digits from random blocks.
	DigitsFrom = digitsFrom
	// Darker is the colour of digits in place of the library's.
	Darker = darker
)
