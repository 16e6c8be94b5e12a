package log_test

import (
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/log"
)

func TestParsePath(t *testing.T) {
	for path, want := range map[string]tlog.Tile{
		"tile/0/000":                                    {H: 8, L: 0, N: 0, W: 256},
		"tile/0/x001/067":                               {H: 8, L: 0, N: 1067, W: 256},
		"tile/63/x001/x234/067":                         {H: 8, L: 63, N: 1234067, W: 256}, // the specification's
		"tile/1/000.p/1":                                {H: 8, L: 1, N: 0, W: 1},
		"tile/0/273.p/112":                              {H: 8, L: 0, N: 273, W: 112},
		"tile/0/273.p/255":                              {H: 8, L: 0, N: 273, W: 255},
		"tile/entries/x999/999.p/9":                     {H: 8, L: -1, N: 999999, W: 9},
		"tile/0/x036/x028/x797/x018/x963/967":           {H: 8, L: 0, N: 1<<55 - 1, W: 256},
		"tile/entries/x036/x028/x797/x018/x963/967.p/1": {H: 8, L: -1, N: 1<<55 - 1, W: 1},
	} {
		if got, err := log.ParsePath(path); err != nil || got != want {
			t.Errorf("ParsePath(%q) = %+v, %v; want %+v", path, got, err, want)
		}
		if got := log.Path(want); got != path {
			t.Errorf("Path(%+v) = %q, want %q", want, got, path)
		}
	}
}

func TestParsePathIsStrict(t *testing.T) {
	for _, path := range []string{
		"", "tile", "tile/", "tile/0", "tile/0/", "/tile/0/000", "tile//000", "tiles/0/000", "Tile/0/000", "tile/0/000/",
		"tile/00/000", "tile/01/000", "tile/64/000", "tile/-1/000", "tile/+1/000", "tile/0x1/000", "tile/data/000", "tile/Entries/000", "tile/8/0/000",
		"tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000", "tile/0/x000/001", "tile/0/001/067", "tile/0/x001/x067", "tile/0/x01/067", "tile/0/x1234/067",
		"tile/0/xx01/067", "tile/0/X001/067", "tile/0/+01", "tile/0/-01", "tile/0/1_0", "tile/0/ 01", "tile/0/٠٠١", "tile/0/x001//067", "tile/0/x001/../067",
		"tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/-1", "tile/0/000.p/1/", "tile/0/000.p/1.p/1",
		"tile/0/000.P/1", "tile/0/000.p/+1", "tile/0/.p/1",
		"tile/0/x036/x028/x797/x018/x963/968", "tile/0/x037/x000/x000/x000/x000/000", "tile/0/x999/x999/x999/x999/x999/999", "tile/0/x001/x036/x028/x797/x018/x963/967",
	} {
		if got, err := log.ParsePath(path); !errors.Is(err, log.ErrPath) {
			t.Errorf("ParsePath(%q) = %+v, %v; want %v", path, got, err, log.ErrPath)
		}
	}
}

// Path is the inverse of ParsePath, and for the tiles that x/mod's own paths can name the
// two say the same.
func FuzzParsePath(f *testing.F) {
	for _, path := range []string{"tile/0/000", "tile/entries/x001/067.p/12", "tile/63/x001/x234/067", "tile/0/x036/x028/x797/x018/x963/967"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := log.ParsePath(path)
		if err != nil {
			return
		}
		if got := log.Path(tile); got != path {
			t.Errorf("Path(ParsePath(%q)) = %q", path, got)
		}
		if again, err := tlog.ParseTilePath(tile.Path()); err != nil || again != tile {
			t.Errorf("x/mod reads %s as %+v, %v", tile.Path(), again, err)
		}
	})
}
