package message

import (
	"embed"
	"sync"

	"signet/internal/locale"
	"signet/internal/wording"
)

//go:embed templates phrases
var builtIn embed.FS

func folderOf(dir string) wording.Folder {
	return wording.Folder{BuiltIn: builtIn, Domain: "messages", Own: dir}
}

// builtInPhrases are the phrases as they are built in, read once.
var builtInPhrases = sync.OnceValues(folderOf("").Phrases)

// phrasesOf are the phrases of a server whose operator's folder is dir.
func phrasesOf(dir string) (*locale.Catalog, error) {
	if dir == "" {
		return builtInPhrases()
	}
	return folderOf(dir).Phrases()
}
