// Package keydirectory reads the key directory of the homeserver's identity server
// (docs/key-directory.md), and believes nothing of it that is not proven.
//
// It keeps the trust root, which is taken once, from a file or from the identity server itself,
// and changes by proof.Config.Follow alone from then on, every hour and when a key is not known;
// and how far each log has been seen to go, so that no log that is shown later may be another. Each
// answer is verified here, offline.
//
// A proof that fails is an Alarm: kept in the database, said in the log and counted. While it
// stands nothing of that log is believed, and no other source stands in for it: the operator
// ends it. A server that does not answer, or refuses to, is none: that is an error of fedclient.
package keydirectory
