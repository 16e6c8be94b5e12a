package vrf

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// keyOf makes a key of a number.
func keyOf(t testing.TB, n int) *PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "key %d", n))
	return newKey(t, seed[:])
}

func alphaOf(n int) []byte { return fmt.Appendf(nil, "email:person%d@example.org", n) }

func TestOutputIsWhatIsProven(t *testing.T) {
	seen := map[[OutputLen]byte]bool{}
	for k := range 8 {
		key := keyOf(t, k)
		for a := range 32 {
			proof, output := key.Prove(alphaOf(a))
			if alone := key.Output(alphaOf(a)); alone != output {
				t.Fatalf("key %d, alpha %d: Output = %x, Prove gives %x", k, a, alone, output)
			}
			verified, err := key.Public().Verify(alphaOf(a), proof[:])
			if err != nil || verified != output {
				t.Fatalf("key %d, alpha %d: Verify = %x, %v, want %x", k, a, verified, err, output)
			}
			if seen[output] {
				t.Fatalf("key %d, alpha %d: an output that another had", k, a)
			}
			seen[output] = true
		}
	}
}

// Ed25519 derives its keys from seeds as this suite does, and the standard library
// does it without any code of ours.
func TestPublicKeyIsThatOfEd25519(t *testing.T) {
	for n := range 64 {
		seed := sha256.Sum256(fmt.Appendf(nil, "seed %d", n))
		want := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
		if got := newKey(t, seed[:]).Public().Bytes(); !bytes.Equal(got, want) {
			t.Fatalf("seed %x: public key %x, want %x", seed, got, want)
		}
	}
}

func TestNewPrivateKeyRefuses(t *testing.T) {
	for _, length := range []int{0, 31, 33, 64} {
		if key, err := NewPrivateKey(make([]byte, length)); !errors.Is(err, ErrSeed) || key != nil {
			t.Errorf("seed of %d octets: %v, %v, want ErrSeed", length, key, err)
		}
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	for _, v := range vectors {
		alpha, proof := unhex(t, v.alpha), unhex(t, v.proof)
		public, err := ParsePublicKey(unhex(t, v.public))
		if err != nil {
			t.Fatal(err)
		}
		for bit := range flipped(proof) {
			refused(t, fmt.Sprintf("%s, bit %d of the proof", v.name, bit), public, alpha, proof)
		}
		for bit := range flipped(alpha) {
			refused(t, fmt.Sprintf("%s, bit %d of alpha", v.name, bit), public, alpha, proof)
		}
		if _, err := public.Verify(alpha, proof); err != nil {
			t.Fatalf("%s: nothing is flipped any more, and still: %v", v.name, err)
		}
	}
}

func TestEveryFlippedBitOfTheKeyIsRefused(t *testing.T) {
	for _, v := range vectors {
		alpha, key, proof := unhex(t, v.alpha), unhex(t, v.public), unhex(t, v.proof)
		for bit := range flipped(key) {
			if public, err := ParsePublicKey(key); err == nil {
				refused(t, fmt.Sprintf("%s, bit %d of the key", v.name, bit), public, alpha, proof)
			}
		}
	}
}

// flipped flips each bit of b in turn, and flips it back.
func flipped(b []byte) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for bit := range 8 * len(b) {
			b[bit/8] ^= 1 << (bit % 8)
			if !yield(bit) {
				return
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
}

func refused(t *testing.T, what string, public *PublicKey, alpha, proof []byte) {
	t.Helper()
	if output, err := public.Verify(alpha, proof); !errors.Is(err, ErrProof) || output != [OutputLen]byte{} {
		t.Errorf("%s: Verify = %x, %v, want no output and ErrProof", what, output, err)
	}
}

func TestProofsOfAnotherLengthAreRefused(t *testing.T) {
	key := keyOf(t, 0)
	proof, _ := key.Prove(alphaOf(0))
	for length := range ProofLen {
		refused(t, fmt.Sprintf("%d octets", length), key.Public(), alphaOf(0), proof[:length])
	}
	for _, more := range [][]byte{{0}, {1}, make([]byte, ProofLen), proof[:]} {
		refused(t, fmt.Sprintf("%d octets more", len(more)), key.Public(), alphaOf(0), slices.Concat(proof[:], more))
	}
}

func TestProofsOfOthersAreRefused(t *testing.T) {
	key, other := keyOf(t, 0), keyOf(t, 1)
	proof, _ := key.Prove(alphaOf(0))
	refused(t, "another key", other.Public(), alphaOf(0), proof[:])
	refused(t, "another alpha", key.Public(), alphaOf(1), proof[:])
	foreign, _ := other.Prove(alphaOf(0))
	mixed := slices.Concat(proof[:pointLen], foreign[pointLen:])
	refused(t, "another's Gamma", other.Public(), alphaOf(0), mixed)
}

// The order of the group is 253 bits long, so s has other encodings in 32 octets,
// under each of which the equations would hold.
func TestScalarsPastTheOrderAreRefused(t *testing.T) {
	key := keyOf(t, 0)
	proof, _ := key.Prove(alphaOf(0))
	s := littleEndian(proof[pointLen+challengeLen:])
	for range 15 {
		s.Add(s, order)
		if s.BitLen() > 8*scalarLen {
			t.Fatalf("%x does not fit", s)
		}
		copy(proof[pointLen+challengeLen:], littleEndianBytes(s))
		refused(t, fmt.Sprintf("s = %x", s), key.Public(), alphaOf(0), proof[:])
	}
}

func TestBytesAreACopy(t *testing.T) {
	key := keyOf(t, 0).Public()
	key.Bytes()[0] ^= 1
	if again, err := ParsePublicKey(key.Bytes()); err != nil || !bytes.Equal(again.Bytes(), keyOf(t, 0).Public().Bytes()) {
		t.Errorf("a key was changed through its Bytes: %v", err)
	}
}

func BenchmarkOutput(b *testing.B) {
	key, alpha := keyOf(b, 0), alphaOf(0)
	for n := 0; b.Loop(); n++ {
		alpha[0] = byte(n) // how many tries it takes differs from alpha to alpha
		key.Output(alpha)
	}
}

func BenchmarkProve(b *testing.B) {
	key, alpha := keyOf(b, 0), alphaOf(0)
	for n := 0; b.Loop(); n++ {
		alpha[0] = byte(n)
		key.Prove(alpha)
	}
}

func BenchmarkVerify(b *testing.B) {
	key := keyOf(b, 0)
	var proofs [256][ProofLen]byte
	for n := range proofs {
		proofs[n], _ = key.Prove(alphaOf(n))
	}
	for n := 0; b.Loop(); n++ {
		if _, err := key.Public().Verify(alphaOf(n%256), proofs[n%256][:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParsePublicKey(b *testing.B) {
	encoded := keyOf(b, 0).Public().Bytes()
	for b.Loop() {
		if _, err := ParsePublicKey(encoded); err != nil {
			b.Fatal(err)
		}
	}
}
