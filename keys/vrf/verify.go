package vrf

import (
	"errors"

	"filippo.io/edwards25519"
)

// ErrProof is the error of a proof that proves nothing about the input.
var ErrProof = errors.New("VRF proof is wrong")

// Verify checks a proof of 80 octets and returns the output of alpha that it proves
// (ECVRF_verify, section 5.3). Beyond what the section asks, a Gamma of low order is
// refused: no key that ParsePublicKey takes has one. The error is ErrProof.
func (k *PublicKey) Verify(alpha, proof []byte) (output [OutputLen]byte, err error) {
	p, ok := decodeProof(proof)
	if !ok {
		return output, ErrProof
	}
	h := k.hashToCurve(alpha)
	u := new(edwards25519.Point).VarTimeDoubleScalarBaseMult(p.cScalar, k.negative, p.s) // s B - c Y
	v := new(edwards25519.Point).VarTimeMultiScalarMult(                                 // s H - c Gamma
		[]*edwards25519.Scalar{p.s, p.cScalar}, []*edwards25519.Point{h, p.gammaNegative})
	encoded := encode(h, u, v, p.gammaTimesEight)
	if challenge(k.encoded, encoded[0], p.gamma, encoded[1], encoded[2]) != p.c {
		return output, ErrProof
	}
	return outputOf(encoded[3]), nil
}

// parts is a proof taken apart.
type parts struct {
	gamma                          [pointLen]byte
	gammaTimesEight, gammaNegative *edwards25519.Point
	c                              [challengeLen]byte
	cScalar, s                     *edwards25519.Scalar
}

// decodeProof is ECVRF_decode_proof (section 5.4.4): a point, 16 octets, and a
// scalar below the order.
func decodeProof(proof []byte) (p parts, ok bool) {
	if len(proof) != ProofLen {
		return parts{}, false
	}
	p.gamma, p.c = [pointLen]byte(proof), [challengeLen]byte(proof[pointLen:])
	gamma, timesEight, ok := decode(p.gamma[:])
	if !ok {
		return parts{}, false
	}
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(proof[pointLen+challengeLen:])
	if err != nil {
		return parts{}, false
	}
	p.gammaTimesEight, p.gammaNegative = timesEight, gamma.Negate(gamma)
	p.cScalar, p.s = challengeScalar(p.c), s
	return p, true
}
