package matrix

import (
	"fmt"
	"time"
)

// ErrCode is the errcode of a Matrix error answer (specification, "Standard
// error response").
type ErrCode string

// The errcodes that Signet answers, in the specification's spelling.
const (
	BadJSON             ErrCode = "M_BAD_JSON"
	CaptchaInvalid      ErrCode = "M_CAPTCHA_INVALID"
	CaptchaNeeded       ErrCode = "M_CAPTCHA_NEEDED"
	ClockDiffers        ErrCode = "IM.SIGNET.CLOCK_DIFFERS" // ours
	DestinationRejected ErrCode = "M_DESTINATION_REJECTED"
	EmailSendError      ErrCode = "M_EMAIL_SEND_ERROR"
	Forbidden           ErrCode = "M_FORBIDDEN"
	InvalidAddress      ErrCode = "M_INVALID_ADDRESS"
	InvalidEmail        ErrCode = "M_INVALID_EMAIL"
	InvalidParam        ErrCode = "M_INVALID_PARAM"
	InvalidPepper       ErrCode = "M_INVALID_PEPPER"
	InvalidSignature    ErrCode = "M_INVALID_SIGNATURE"
	InvalidUsername     ErrCode = "M_INVALID_USERNAME"
	InviteBlocked       ErrCode = "M_INVITE_BLOCKED"
	KeyTooLarge         ErrCode = "M_KEY_TOO_LARGE"
	LimitExceededCode   ErrCode = "M_LIMIT_EXCEEDED"
	MissingParam        ErrCode = "M_MISSING_PARAM" // of the client-server API
	MissingParams       ErrCode = "M_MISSING_PARAMS"
	MissingToken        ErrCode = "M_MISSING_TOKEN"
	NoValidSession      ErrCode = "M_NO_VALID_SESSION"
	NotFound            ErrCode = "M_NOT_FOUND"
	NotJSON             ErrCode = "M_NOT_JSON"
	ProfileTooLarge     ErrCode = "M_PROFILE_TOO_LARGE"
	ProofFailed         ErrCode = "IM.SIGNET.PROOF_FAILED" // ours
	SendError           ErrCode = "M_SEND_ERROR"
	SessionExpired      ErrCode = "M_SESSION_EXPIRED"
	SessionNotValidated ErrCode = "M_SESSION_NOT_VALIDATED"
	TermsNotSigned      ErrCode = "M_TERMS_NOT_SIGNED"
	ThreepidInUse       ErrCode = "M_THREEPID_IN_USE"
	TokenIncorrect      ErrCode = "M_TOKEN_INCORRECT"
	TooLarge            ErrCode = "M_TOO_LARGE"
	Unauthorized        ErrCode = "M_UNAUTHORIZED"
	Unknown             ErrCode = "M_UNKNOWN"
	UnknownToken        ErrCode = "M_UNKNOWN_TOKEN"
	Unrecognized        ErrCode = "M_UNRECOGNIZED"
	UserInUse           ErrCode = "M_USER_IN_USE"
	WeakPassword        ErrCode = "M_WEAK_PASSWORD"
	WrongBackupVersion  ErrCode = "M_WRONG_ROOM_KEYS_VERSION"
)

// LimitExceeded is the error of a budget that is used up. RetryAfter is how long
// the caller should wait; the HTTP layer tells it as retry_after_ms and Retry-After.
type LimitExceeded struct{ RetryAfter time.Duration }

func (e LimitExceeded) Error() string {
	return fmt.Sprintf("limit exceeded, retry after %s", e.RetryAfter)
}
