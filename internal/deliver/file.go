package deliver

import (
	"os"
	"path/filepath"
)

const unfinished = ".unfinished-*"

// writeFile makes a file of mode 0600 that is there whole or not at all, and on
// nil survives a power cut.
func writeFile(dir, name string, content []byte) (err error) {
	temp, err := os.CreateTemp(dir, unfinished) // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	if err := writeAndClose(temp, content); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}

func writeAndClose(f *os.File, content []byte) error {
	_, err := f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// syncDir makes a rename durable, which is an entry in the directory's own data.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// removeUnfinished clears away what a process left that died while writing.
func removeUnfinished(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, unfinished))
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return err
}
