// Package webclient is the small web client that the homeserver serves at /, for people who
// have no other: they sign up and choose whether to be found, log in, get a new password,
// make rooms, invite friends by address and talk in rooms that are not encrypted.
//
// It is static files: HTML, a style, and script that browsers run as it stands here, over
// the client-server API and that of the identity server which the homeserver tells clients
// of. The script knows no secret of the server, and the server nothing of the client but its
// files. What others wrote is shown as text: the policy of the page lets nothing make HTML
// out of it, run another script or ask another host. What the page itself says stands in
// phrases, in ten languages, of which it is given one.
package webclient
