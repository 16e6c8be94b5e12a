package quota

// Sweep is one round of Run.
var Sweep = (*Quota).sweep
