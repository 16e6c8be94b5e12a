package log

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// FormatProof is a proof that an entry stands at a position, which can be verified offline
// (C2SP tlog-proof). Its extra data is the entry, which whoever verifies hashes.
func FormatProof(position int64, path tlog.RecordProof, entry, checkpoint []byte) []byte {
	b := fmt.Appendf(nil, "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", base64.StdEncoding.EncodeToString(entry), position)
	for _, hash := range path {
		b = fmt.Appendf(b, "%s\n", hash)
	}
	return append(append(b, '\n'), checkpoint...)
}
