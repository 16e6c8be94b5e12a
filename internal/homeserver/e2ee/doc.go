// Package e2ee is the server's side of end-to-end encryption (client-server API,
// "End-to-End Encryption", "Send-to-Device messaging"): the public keys of devices and
// users, who is told that they changed, and messages from device to device. Its rooms are
// signedkey, which reads keys, and roomkeys, the backups.
//
// The server is trusted with none of it. It checks signatures so that nobody's keys can be
// filled with rubbish, gives each one-time key out once, and keeps a message until its
// device is known to have it. All of that is told by /sync, so all goes through the
// stream, which writes one operation after the other.
//
// Accounts, rooms and other servers are behind the interfaces Directory, Rooms, Remote and
// Outgoing. It knows no HTTP.
package e2ee
