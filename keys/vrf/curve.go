package vrf

import (
	"bytes"
	"crypto/sha512"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// What is hashed begins with the suite and the purpose, and ends with a zero (RFC
// 9381, sections 5.2, 5.4 and 5.5).
const (
	suite               = 0x03
	forPoint            = 0x01
	forChallenge        = 0x02
	forOutput           = 0x03
	end                 = 0x00
	challengeLen        = 16
	pointLen, scalarLen = 32, 32
)

var identity = edwards25519.NewIdentityPoint()

// decode reads a point that is not of low order, and gives its product with the
// cofactor too. Encodings other than the canonical one are refused (string_to_point,
// RFC 8032, section 5.1.3). The points whose x is zero, where the sign would have to
// be looked at as well, are of low order.
func decode(encoded []byte) (p, timesEight *edwards25519.Point, ok bool) {
	y, err := new(field.Element).SetBytes(encoded)
	if err != nil {
		return nil, nil, false
	}
	canonical := y.Bytes()
	canonical[pointLen-1] |= encoded[pointLen-1] & 0x80
	if !bytes.Equal(canonical, encoded) {
		return nil, nil, false
	}
	if p, err = new(edwards25519.Point).SetBytes(encoded); err != nil {
		return nil, nil, false
	}
	timesEight = new(edwards25519.Point).MultByCofactor(p)
	return p, timesEight, timesEight.Equal(identity) == 0
}

// encode is point_to_string of several points. Their Z are inverted together
// (Montgomery's trick): an inversion is most of the work of an encoding.
func encode(points ...*edwards25519.Point) [][pointLen]byte {
	before := make([]field.Element, len(points)) // the product of all Z before
	product := new(field.Element).One()
	for i, p := range points {
		_, _, z, _ := p.ExtendedCoordinates()
		before[i].Set(product)
		product.Multiply(product, z)
	}
	inverse := product.Invert(product) // of the product of all Z up to here
	encoded := make([][pointLen]byte, len(points))
	for i := len(points) - 1; i >= 0; i-- {
		x, y, z, _ := points[i].ExtendedCoordinates()
		encoded[i] = affine(x, y, new(field.Element).Multiply(inverse, &before[i]))
		inverse.Multiply(inverse, z)
	}
	return encoded
}

// affine encodes the point x/z, y/z.
func affine(x, y, inverseOfZ *field.Element) [pointLen]byte {
	x.Multiply(x, inverseOfZ)
	y.Multiply(y, inverseOfZ)
	encoded := [pointLen]byte(y.Bytes())
	encoded[pointLen-1] |= byte(x.IsNegative() << 7)
	return encoded
}

// hashToCurve is ECVRF_encode_to_curve_try_and_increment, salted with the public
// key (section 5.4.1.1). Two tries are needed in the mean.
func (k *PublicKey) hashToCurve(alpha []byte) *edwards25519.Point {
	input := make([]byte, 0, 256)
	input = append(input, suite, forPoint)
	input = append(input, k.encoded[:]...)
	input = append(input, alpha...)
	input = append(input, 0, end)
	counter := &input[len(input)-2]
	for try := range 256 {
		*counter = byte(try)
		hash := sha512.Sum512(input)
		if _, h, ok := decode(hash[:pointLen]); ok {
			return h
		}
	}
	panic("vrf: none of 256 hashes is a point") // so it is for one input in 2^256
}

// challenge is ECVRF_challenge_generation (section 5.4.3).
func challenge(key, h, gamma, u, v [pointLen]byte) [challengeLen]byte {
	input := make([]byte, 0, 2+5*pointLen+1)
	input = append(input, suite, forChallenge)
	for _, point := range [][pointLen]byte{key, h, gamma, u, v} {
		input = append(input, point[:]...)
	}
	hash := sha512.Sum512(append(input, end))
	return [challengeLen]byte(hash[:])
}

// challengeScalar is a challenge as a number.
func challengeScalar(c [challengeLen]byte) *edwards25519.Scalar {
	var wide [scalarLen]byte
	copy(wide[:], c[:])
	scalar, err := new(edwards25519.Scalar).SetCanonicalBytes(wide[:])
	if err != nil {
		panic("vrf: 128 bits are more than the order") // which has 253
	}
	return scalar
}

// outputOf is the end of ECVRF_proof_to_hash (section 5.2), which begins with the
// product of Gamma and the cofactor.
func outputOf(gammaTimesEight [pointLen]byte) [OutputLen]byte {
	input := make([]byte, 0, 2+pointLen+1)
	input = append(input, suite, forOutput)
	input = append(input, gammaTimesEight[:]...)
	return sha512.Sum512(append(input, end))
}
