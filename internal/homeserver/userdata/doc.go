// Package userdata keeps what users store at their server for themselves and their
// devices: profiles, filters, account data and, as kinds of it, the tags of rooms, read
// markers and push rules.
//
// Account data is part of what /sync streams. It is written through a Committer, which
// gives each write its position in the one order of all streams; what is read here by
// position is complete up to the last one that the Committer has made visible.
//
// Who may ask for whose data is for the caller to say. JSON passes through untouched.
package userdata
