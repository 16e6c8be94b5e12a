package account

import "context"

// Occupy takes all hashers until leave is called.
func Occupy(a *Accounts) (leave func()) {
	var leaves []func()
	for range cap(a.hasher.slots) {
		leave, err := a.hasher.enter(context.Background())
		if err != nil {
			panic(err)
		}
		leaves = append(leaves, leave)
	}
	return func() {
		for _, leave := range leaves {
			leave()
		}
	}
}
