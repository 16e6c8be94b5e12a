// Package publicrooms is the published directory of a homeserver as people and other servers look
// into it (client-server API, "Listing rooms"): which rooms they find, in which order, page by page.
//
// Which rooms are published, and what is told of each, is room's.
package publicrooms
