// Command fsck lets transparency-dev/tessera judge logs in directories: its fsck builds the
// tree anew from the bundles and holds all tiles against it, and its client proves entries
// and consistency from the tiles. In each directory stand a log as C2SP tlog-tiles serves
// it, and its verifier key in a file named vkey.
//
//	go run . DIR...
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	for _, dir := range os.Args[1:] {
		size, err := judge(context.Background(), dir)
		if err != nil {
			fmt.Fprintf(os.Stderr, "fsck: %s: %v\n", dir, err)
			os.Exit(1)
		}
		fmt.Printf("%s: %d entries are as they should be\n", filepath.Base(dir), size)
	}
}

// judge returns the size of a log that holds.
func judge(ctx context.Context, dir string) (size uint64, err error) {
	vkey, err := os.ReadFile(filepath.Join(dir, "vkey"))
	if err != nil {
		return 0, err
	}
	verifier, err := note.NewVerifier(string(vkey))
	if err != nil {
		return 0, err
	}
	files := client.FileFetcher{Root: dir}
	if err := fsck.New(verifier.Name(), verifier, files, leaves, fsck.Opts{N: 2}).Check(ctx); err != nil {
		return 0, err
	}
	c, _, _, err := client.FetchCheckpoint(ctx, files.ReadCheckpoint, verifier, verifier.Name())
	if err != nil {
		return 0, err
	}
	builder, err := client.NewProofBuilder(ctx, c.Size, files.ReadTile)
	if err != nil {
		return 0, err
	}
	for _, position := range []uint64{0, c.Size / 2, c.Size - 1} {
		if err := prove(ctx, files, builder, position, c.Size, c.Hash); err != nil {
			return 0, fmt.Errorf("entry %d: %w", position, err)
		}
	}
	return c.Size, nil
}

// prove holds the entry of a bundle against the root.
func prove(ctx context.Context, files client.FileFetcher, builder *client.ProofBuilder, position, size uint64, root []byte) error {
	const width = 256
	bundle, err := client.GetEntryBundle(ctx, files.ReadEntryBundle, position/width, size)
	if err != nil {
		return err
	}
	path, err := builder.InclusionProof(ctx, position)
	if err != nil {
		return err
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(bundle.Entries[position%width])
	return proof.VerifyInclusion(rfc6962.DefaultHasher, position, size, leaf, path, root)
}

// leaves are the hashes of a bundle's entries.
func leaves(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(b.Entries))
	for i, e := range b.Entries {
		hashes[i] = rfc6962.DefaultHasher.HashLeaf(e)
	}
	return hashes, nil
}
