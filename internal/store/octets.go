package store

import "fmt"

// Octets is where a BYTEA is read to without being copied once more. database/sql asks who
// reads to copy what a driver may write over; ours make the octets of each row anew.
type Octets []byte

// Scan takes the octets over.
func (o *Octets) Scan(value any) error {
	octets, ok := value.([]byte)
	if !ok && value != nil {
		return fmt.Errorf("reading octets: the column holds %T", value)
	}
	*o = octets
	return nil
}
