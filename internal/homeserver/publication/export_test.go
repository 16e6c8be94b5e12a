package publication

// RunEach is Run with the moments at which wishes are looked for.
var RunEach = (*Publications).run
