package contact

// RunEach is Run with the moments at which wishes are looked for.
var RunEach = (*Contacts).run
