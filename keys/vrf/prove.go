package vrf

import (
	"crypto/sha512"

	"filippo.io/edwards25519"
)

// Prove is the output of alpha and the proof of it (ECVRF_prove, section 5.1). The
// same alpha gives the same proof.
func (k *PrivateKey) Prove(alpha []byte) (proof [ProofLen]byte, output [OutputLen]byte) {
	h := k.public.hashToCurve(alpha)
	gamma := new(edwards25519.Point).ScalarMult(k.x, h)
	known := encode(h, gamma, new(edwards25519.Point).MultByCofactor(gamma))

	nonce := k.nonce(known[0])
	u := new(edwards25519.Point).ScalarBaseMult(nonce)
	v := new(edwards25519.Point).ScalarMult(nonce, h)
	committed := encode(u, v)

	c := challenge(k.public.encoded, known[0], known[1], committed[0], committed[1])
	s := new(edwards25519.Scalar).MultiplyAdd(challengeScalar(c), k.x, nonce)

	copy(proof[:], known[1][:])
	copy(proof[pointLen:], c[:])
	copy(proof[pointLen+challengeLen:], s.Bytes())
	return proof, outputOf(known[2])
}

// Output is what Prove returns beside the proof, for half of the work.
func (k *PrivateKey) Output(alpha []byte) [OutputLen]byte {
	gamma := new(edwards25519.Point).ScalarMult(k.x, k.public.hashToCurve(alpha))
	return outputOf([pointLen]byte(gamma.MultByCofactor(gamma).Bytes()))
}

// nonce is ECVRF_nonce_generation as in Ed25519 (section 5.4.2.2).
func (k *PrivateKey) nonce(h [pointLen]byte) *edwards25519.Scalar {
	input := make([]byte, 0, 2*pointLen)
	input = append(input, k.nonces...)
	hash := sha512.Sum512(append(input, h[:]...))
	nonce, err := new(edwards25519.Scalar).SetUniformBytes(hash[:])
	if err != nil {
		panic("vrf: SHA-512 has not 64 octets")
	}
	return nonce
}
