package sms

import "signet/internal/deliver"

// twilioKinds is what Twilio's codes mean to us, each with its name in Twilio's
// dictionary (https://www.twilio.com/docs/api/errors). A code that is missing here
// means what the status of its answer means: with 4xx, that our request was wrong.
var twilioKinds = map[int]error{
	// The number is bad, and would be bad for any provider.
	21211: deliver.ErrRefused, // Invalid 'To' Phone Number
	21214: deliver.ErrRefused, // 'To' phone number cannot be reached
	21217: deliver.ErrRefused, // Phone number does not appear to be valid
	21265: deliver.ErrRefused, // 'To' number cannot be a Short Code
	21266: deliver.ErrRefused, // 'To' and 'From' numbers cannot be the same
	21268: deliver.ErrRefused, // Sending to Premium rate or Information Service numbers is not allowed
	21610: deliver.ErrRefused, // Attempt to send to unsubscribed recipient
	21614: deliver.ErrRefused, // 'To' number is not a valid mobile number
	21635: deliver.ErrRefused, // 'To' number cannot be a landline
	30003: deliver.ErrRefused, // Unreachable destination handset
	30004: deliver.ErrRefused, // Message blocked
	30005: deliver.ErrRefused, // Unknown destination handset
	30006: deliver.ErrRefused, // Landline or unreachable carrier

	// Twilio takes the number for part of a fraud that makes us pay.
	30450: errSuspected, // Message delivery blocked
	30453: errSuspected, // Message couldn't be delivered
	60410: errSuspected, // Verification delivery attempt blocked

	// The number is good, but not for our account and sender.
	21408: errNotServed, // Permission to send an SMS has not been enabled for the region indicated by the 'To' number
	21612: errNotServed, // Message cannot be sent with the current combination of 'To' and/or 'From' parameters

	// The operator has to mend something.
	20003: deliver.ErrMisconfigured, // Permission Denied
	21606: deliver.ErrMisconfigured, // The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination/account
	21608: deliver.ErrMisconfigured, // The 'To' phone number provided is not yet verified for this account
	21659: deliver.ErrMisconfigured, // 'From' is not a Twilio phone number or Short Code country mismatch
	21660: deliver.ErrMisconfigured, // Mismatch between the 'From' number and the account
	21705: deliver.ErrMisconfigured, // The Messaging Service is invalid
	30002: deliver.ErrMisconfigured, // Account suspended
	30007: deliver.ErrMisconfigured, // Message filtered

	// Too much at once; nothing was sent.
	20429: deliver.ErrNotNow, // Too many requests
	21611: deliver.ErrNotNow, // This 'From' number has exceeded the maximum number of queued messages
	30001: deliver.ErrNotNow, // Queue overflow

	// Twilio itself does not know.
	30008: deliver.ErrUnknownOutcome, // Unknown error
}

// twilioCode is a code as Twilio makes them, 0 for any other number: a number that
// a server chooses freely could be the receiver's.
func twilioCode(code int) int {
	if code < 10_000 || code > 99_999 {
		return 0
	}
	return code
}
