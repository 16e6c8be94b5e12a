package vrf

import (
	"bytes"
	"errors"
	"math/big"
	"slices"
	"testing"

	"filippo.io/edwards25519"
)

// The numbers of the curve (RFC 8032, section 5.1), for a second opinion on points in
// plain arithmetic.
var (
	prime = number("57896044618658097711785492504343953926634992332820282019728792003956564819949")
	order = number("7237005577332262213973186563042994240857116359379907606001950938285454250989")
	d     = number("37095705934669439343138083508754565189542113879843219016388785533085940283555")
)

func number(decimal string) *big.Int {
	n, ok := new(big.Int).SetString(decimal, 10)
	if !ok {
		panic(decimal)
	}
	return n
}

func littleEndian(b []byte) *big.Int {
	reversed := bytes.Clone(b)
	slices.Reverse(reversed)
	return new(big.Int).SetBytes(reversed)
}

func littleEndianBytes(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}

func mod(n *big.Int) *big.Int            { return n.Mod(n, prime) }
func times(factors ...*big.Int) *big.Int { return mod(product(factors)) }

func product(factors []*big.Int) *big.Int {
	p := big.NewInt(1)
	for _, f := range factors {
		p.Mul(p, f)
	}
	return p
}

// plainDecode is the decoding of RFC 8032, section 5.1.3, word for word.
func plainDecode(encoded []byte) (x, y *big.Int, ok bool) {
	if len(encoded) != 32 {
		return nil, nil, false
	}
	y = littleEndian(encoded)
	sign := y.Bit(255)
	y.SetBit(y, 255, 0)
	if y.Cmp(prime) >= 0 {
		return nil, nil, false
	}
	one := big.NewInt(1)
	u := mod(new(big.Int).Sub(times(y, y), one))
	v := mod(new(big.Int).Add(times(d, y, y), one))
	x = new(big.Int).ModSqrt(times(u, new(big.Int).ModInverse(v, prime)), prime)
	if x == nil || x.Sign() == 0 && sign == 1 {
		return nil, nil, false
	}
	if x.Bit(0) != sign {
		x.Sub(prime, x)
	}
	return x, y, true
}

// plainDouble adds a point to itself (RFC 8032, section 5.1.4, in affine coordinates).
func plainDouble(x, y *big.Int) (x2, y2 *big.Int) {
	one := big.NewInt(1)
	t := times(d, x, x, y, y)
	over := new(big.Int).ModInverse(mod(new(big.Int).Add(one, t)), prime)
	under := new(big.Int).ModInverse(mod(new(big.Int).Sub(one, t)), prime)
	sum := new(big.Int).Add(times(y, y), times(x, x))
	return times(big.NewInt(2), x, y, over), times(sum, under)
}

// plainKey tells whether octets are a public key.
func plainKey(encoded []byte) bool {
	x, y, ok := plainDecode(encoded)
	if !ok {
		return false
	}
	for range 3 {
		x, y = plainDouble(x, y)
	}
	return x.Sign() != 0 || y.Cmp(big.NewInt(1)) != 0
}

// lowOrder are all encodings of the eight points of low order that a decoder without
// care takes, canonical or not.
var lowOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
}

func TestPointsOfLowOrderAreRefused(t *testing.T) {
	key := keyOf(t, 0)
	proof, _ := key.Prove(alphaOf(0))
	for _, encoded := range lowOrder {
		point := unhex(t, encoded)
		p, err := new(edwards25519.Point).SetBytes(point)
		if err != nil || p.MultByCofactor(p).Equal(identity) == 0 {
			t.Fatalf("%s is no point of low order: %v", encoded, err)
		}
		if public, err := ParsePublicKey(point); !errors.Is(err, ErrPublicKey) || public != nil {
			t.Errorf("ParsePublicKey(%s) = %v, %v, want ErrPublicKey", encoded, public, err)
		}
		if _, ok := decodeProof(slices.Concat(point, proof[pointLen:])); ok {
			t.Errorf("a proof with %s for Gamma is read", encoded)
		}
		refused(t, "Gamma "+encoded, key.Public(), alphaOf(0), slices.Concat(point, proof[pointLen:]))
	}
}

// A y below 19 can be written as y + p too.
func TestOtherEncodingsOfPointsAreRefused(t *testing.T) {
	key := keyOf(t, 0)
	proof, _ := key.Prove(alphaOf(0))
	points := 0
	for y := range int64(19) {
		for _, sign := range []byte{0, 0x80} {
			canonical := littleEndianBytes(big.NewInt(y))
			other := littleEndianBytes(new(big.Int).Add(big.NewInt(y), prime))
			canonical[31] |= sign
			other[31] |= sign
			if _, err := ParsePublicKey(canonical); err != nil {
				continue // no point, or one of low order
			}
			points++
			if _, err := ParsePublicKey(other); !errors.Is(err, ErrPublicKey) {
				t.Errorf("ParsePublicKey(%x) = %v, want ErrPublicKey", other, err)
			}
			if _, ok := decodeProof(slices.Concat(other, proof[pointLen:])); ok {
				t.Errorf("a proof with %x for Gamma is read", other)
			}
			if _, ok := decodeProof(slices.Concat(canonical, proof[pointLen:])); !ok {
				t.Errorf("a proof with %x for Gamma is not read", canonical)
			}
		}
	}
	if points == 0 {
		t.Fatal("no such point was tried")
	}
}

func TestPublicKeysOfAnotherLengthAreRefused(t *testing.T) {
	encoded := keyOf(t, 0).Public().Bytes()
	for length := range PublicKeyLen {
		if _, err := ParsePublicKey(encoded[:length]); !errors.Is(err, ErrPublicKey) {
			t.Errorf("%d octets: %v, want ErrPublicKey", length, err)
		}
	}
	if _, err := ParsePublicKey(append(encoded, 0)); !errors.Is(err, ErrPublicKey) {
		t.Errorf("33 octets: %v, want ErrPublicKey", err)
	}
}

// Whoever has the private key can prove with a Gamma that has a part of low order.
// The output must be the same nevertheless: it is the index of a label.
func TestAPartOfLowOrderDoesNotChangeTheOutput(t *testing.T) {
	key, alpha := keyOf(t, 0), alphaOf(0)
	honest, output := key.Prove(alpha)
	for _, encoded := range lowOrder[10:] { // of order 8
		small, err := new(edwards25519.Point).SetBytes(unhex(t, encoded))
		if err != nil {
			t.Fatal(err)
		}
		proof := proveWith(t, key, alpha, small)
		if bytes.Equal(proof[:pointLen], honest[:pointLen]) {
			t.Fatal("Gamma is the honest one")
		}
		if got, err := key.Public().Verify(alpha, proof); err != nil || got != output {
			t.Errorf("Verify = %x, %v, want the output of the honest proof, %x", got, err, output)
		}
	}
}

// proveWith tries nonces until the challenge is a multiple of 8, so that it cancels
// the point of low order that is added to Gamma.
func proveWith(t *testing.T, key *PrivateKey, alpha []byte, small *edwards25519.Point) []byte {
	t.Helper()
	h := key.public.hashToCurve(alpha)
	gamma := new(edwards25519.Point).ScalarMult(key.x, h)
	gamma.Add(gamma, small)
	for try := range 1000 {
		nonce := keyOf(t, try).x
		e := encode(h, gamma, new(edwards25519.Point).ScalarBaseMult(nonce), new(edwards25519.Point).ScalarMult(nonce, h))
		if c := challenge(key.public.encoded, e[0], e[1], e[2], e[3]); c[0]%8 == 0 {
			s := new(edwards25519.Scalar).MultiplyAdd(challengeScalar(c), key.x, nonce)
			return slices.Concat(e[1][:], c[:], s.Bytes())
		}
	}
	t.Fatal("no challenge is a multiple of 8")
	return nil
}

func TestEncodeTogetherIsEncodeAlone(t *testing.T) {
	points := []*edwards25519.Point{identity, edwards25519.NewGeneratorPoint()}
	for n := range 20 {
		last := points[len(points)-1]
		points = append(points, new(edwards25519.Point).ScalarMult(keyOf(t, n).x, last), new(edwards25519.Point).Negate(last))
	}
	for n := range points {
		for i, encoded := range encode(points[:n]...) {
			if !bytes.Equal(encoded[:], points[i].Bytes()) {
				t.Fatalf("point %d of %d: %x, want %x", i, n, encoded, points[i].Bytes())
			}
		}
	}
}

func FuzzParsePublicKey(f *testing.F) {
	for _, encoded := range lowOrder {
		f.Add(unhex(f, encoded))
	}
	for n := range int64(19) {
		f.Add(littleEndianBytes(big.NewInt(n)))
		f.Add(littleEndianBytes(new(big.Int).Add(big.NewInt(n), prime)))
		f.Add(keyOf(f, int(n)).Public().Bytes())
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		key, err := ParsePublicKey(encoded)
		if want := plainKey(encoded); (err == nil) != want {
			t.Fatalf("ParsePublicKey(%x): %v, by plain arithmetic it is a key: %t", encoded, err, want)
		}
		if err == nil && !bytes.Equal(key.Bytes(), encoded) {
			t.Fatalf("ParsePublicKey(%x).Bytes() = %x", encoded, key.Bytes())
		}
	})
}

func FuzzVerify(f *testing.F) {
	key := keyOf(f, 0)
	for n := range 4 {
		proof, _ := key.Prove(alphaOf(n))
		f.Add(alphaOf(n), proof[:])
	}
	for _, encoded := range lowOrder {
		f.Add([]byte(nil), append(unhex(f, encoded), make([]byte, ProofLen-pointLen)...))
	}
	f.Add([]byte("short"), []byte("proof"))
	f.Fuzz(func(t *testing.T, alpha, proof []byte) {
		output, err := key.Public().Verify(alpha, proof)
		if err != nil && (!errors.Is(err, ErrProof) || output != [OutputLen]byte{}) {
			t.Fatalf("Verify(%x, %x) = %x, %v", alpha, proof, output, err)
		}
		if want := key.Output(alpha); err == nil && output != want {
			t.Fatalf("Verify(%x, %x) proves %x, and the output is %x", alpha, proof, output, want)
		}
	})
}
