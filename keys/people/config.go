package people

import (
	"slices"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"

	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/proof"
)

// config is the CONFIG of the log: what is needed to verify its proofs.
type config struct {
	Origin string   `json:"origin"`
	VKeys  []string `json:"vkeys"`  // C2SP signed-note
	VRF    string   `json:"vrf_pk"` // 32 octets in unpadded base64
}

// described is a log as its keys have it.
type described struct {
	signers []note.Signer
	vkeys   []string
	config  []byte // its first entry, which always is the same of the same keys
}

func describe(origin string, o Options) (d described, err error) {
	d.signers, d.vkeys, err = log.NewSigners(origin, o.Keys)
	if err != nil {
		return d, err
	}
	object, err := json.Marshal(config{Origin: origin, VKeys: d.vkeys, VRF: matrix.EncodeBase64(o.VRF.Public().Bytes())})
	if err != nil {
		return d, err
	}
	e, err := entry.NewConfig(object)
	if err != nil {
		return d, err
	}
	d.config = e.Append(nil)
	return d, nil
}

// Trust is of the trust root of who verifies what is this log's; the server's name and its
// keys are for the caller to add.
func (p *People) Trust() proof.Config {
	return proof.Config{Users: proof.LogConfig{Origin: p.tiles.Origin, VKeys: slices.Clone(p.vkeys)}, VRF: proof.Hash(p.VRF.Public().Bytes())}
}
