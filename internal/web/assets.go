package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"sync"
	"time"
)

//go:embed assets
var assets embed.FS

// assetVersion changes whenever an asset does, so that a browser may keep the
// one it has for as long as it likes.
var assetVersion = sync.OnceValue(func() string {
	sum := sha256.New()
	names, _ := fs.Glob(assets, "assets/*") // sorted; the pattern is well-formed
	for _, name := range names {
		b, _ := assets.ReadFile(name) // embedded: always there
		sum.Write(b)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
})

// serveAsset answers with an embedded file.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	b, err := assets.ReadFile("assets/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if r.URL.Query().Get("v") == assetVersion() {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}
