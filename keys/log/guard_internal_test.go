package log

import "testing"

// What is read from a guard's file is what would be written there.
func FuzzGuardFile(f *testing.F) {
	g := NewFileGuard("signed", "id.example.org/users")
	f.Add([]byte("id.example.org/users\n6\nAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := g.parse(data)
		if err != nil {
			return
		}
		if tree.N <= 0 || g.text(tree) != string(data) {
			t.Errorf("%q was read as %v", data, tree)
		}
	})
}
