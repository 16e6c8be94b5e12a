// Package replay makes of a log's entries what they come to, and finds where they lie: the
// invariants that a log's own server holds before it signs are those that an auditor holds
// against it, by the same lines.
//
//	I2  an index never occurs twice
//	I3  the root in each EPOCH is that of the prefix tree of all INSERTs before it
//	I4  the times of EPOCHs never decrease
//	I5  entry 0 is a CONFIG, each CONFIG is of this log, and the keys of the one before and
//	    its own have signed each later one (keys/logkeys)
//	I6  nothing else parses, and nothing stands in a log that does not belong there
//
// Of I1, that each published checkpoint ends in an EPOCH that names its own position, the
// half about EPOCHs is held here, and At tells at which sizes a checkpoint may end. It is
// pure: entries come in order, from wherever.
package replay
