// Package badregistry is a registry on loopback that serves an OCI layout, counts what it served, and fails in the ways
// in which registries and networks fail, when it is told to.
package badregistry

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Fault is how a blob is served.
type Fault int

// The faults. Each but Slow begins after half of the blob, or in its place.
const (
	None      Fault = iota
	Cut             // the connection ends
	Stall           // nothing more comes, and the connection stays
	Flip            // one byte is another one
	Short           // it ends, and the length said so
	Long            // more comes than there is, and the length said so
	Fail            // status 500 in place of it
	FailOnce        // status 500 at the first request, then all is well
	Slow            // in small pieces, about a megabyte in a second
	CutOnce         // the connection ends at the first request, then all is well
	CutMost         // all is well with the first two layers, the connections of others end
	StallMost       // all is well with the first two layers, others stall
)

// Registry serves images. Its methods may be called while it serves.
type Registry struct {
	Host string // to be written before a name: 127.0.0.1:PORT

	dir    string
	server *httptest.Server

	mu       sync.Mutex
	fault    Fault
	requests map[string]int // of layers: digest -> how often asked for
	well     map[digest.Digest]bool
	sent     int64
}

// Serve serves the layout dir, whatever the name of the repository. Close it.
func Serve(dir string) *Registry {
	r := &Registry{dir: dir}
	r.Reset(None)
	r.server = httptest.NewServer(http.HandlerFunc(r.serve))
	r.Host = strings.TrimPrefix(r.server.URL, "http://")
	return r
}

// Close ends every connection, also one that stalls.
func (r *Registry) Close() {
	r.server.CloseClientConnections()
	r.server.Close()
}

// Reset forgets what was counted and sets how layers are served from now on.
func (r *Registry) Reset(fault Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault, r.sent = fault, 0
	r.requests, r.well = make(map[string]int), make(map[digest.Digest]bool)
}

// Sent is how many bytes of layers were served.
func (r *Registry) Sent() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent
}

// Asked is how many different layers were asked for.
func (r *Registry) Asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.requests)
}

func (r *Registry) serve(w http.ResponseWriter, req *http.Request) {
	_, what, isManifest := strings.Cut(req.URL.Path, "/manifests/")
	if isManifest {
		r.manifest(w, what)
		return
	}
	_, what, isBlob := strings.Cut(req.URL.Path, "/blobs/")
	switch {
	case isBlob:
		r.blob(w, req, digest.Digest(what))
	case req.URL.Path == "/v2/":
	default:
		notFound(w)
	}
}

func notFound(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
}

func (r *Registry) manifest(w http.ResponseWriter, what string) {
	for _, d := range r.index().Manifests {
		if what == d.Digest.String() || what == d.Annotations[imgspec.AnnotationRefName] {
			data, err := r.read(d.Digest)
			if err == nil {
				w.Header().Set("Content-Type", d.MediaType)
				w.Write(data)
				return
			}
		}
	}
	notFound(w)
}

func (r *Registry) index() (index imgspec.Index) {
	data, err := os.ReadFile(filepath.Join(r.dir, imgspec.ImageIndexFile))
	if err != nil || json.Unmarshal(data, &index) != nil {
		return imgspec.Index{}
	}
	return index
}

func (r *Registry) read(d digest.Digest) ([]byte, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(r.dir, imgspec.ImageBlobsDir, d.Algorithm().String(), d.Encoded()))
}

func (r *Registry) blob(w http.ResponseWriter, req *http.Request, d digest.Digest) {
	data, err := r.read(d)
	if err != nil {
		notFound(w)
		return
	}
	if json.Valid(data) { // a config
		w.Write(data)
		return
	}
	r.layer(&counted{ResponseWriter: w, r: r}, req, data, r.begin(d))
}

// counted counts what is written.
type counted struct {
	http.ResponseWriter
	r      *Registry
	status int // 0 for 200
}

// Write implements io.Writer.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.sent += int64(n)
	return n, err
}

// Flush sends what was written.
func (c *counted) Flush() { c.ResponseWriter.(http.Flusher).Flush() }

// begin counts a request and decides about it.
func (r *Registry) begin(d digest.Digest) Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests[d.String()]++
	switch first := r.requests[d.String()] == 1; {
	case r.fault == CutOnce && first:
		return Cut
	case r.fault == CutOnce, r.fault >= CutMost && r.well[d]:
		return None
	case r.fault >= CutMost && len(r.well) < 2:
		r.well[d] = true
		return None
	case r.fault == CutMost:
		return Cut
	case r.fault == StallMost:
		return Stall
	}
	return r.fault
}

func (r *Registry) layer(w *counted, req *http.Request, data []byte, fault Fault) {
	if from := begins(req); from > 0 && from < len(data) && fault != Fail {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		data = data[from:]
		w.status = http.StatusPartialContent
	}
	half := len(data) / 2
	length := len(data)
	switch fault {
	case Fail:
		http.Error(w, "broken", http.StatusInternalServerError)
		return
	case Flip:
		data = append([]byte(nil), data...)
		data[half] ^= 0x40
	case Short:
		data = data[:half]
		length = half
	case Long:
		data = append(append([]byte(nil), data...), "and more"...)
		length = len(data)
	}
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(cmp.Or(w.status, http.StatusOK))
	switch fault {
	case Cut, Stall:
		w.Write(data[:half])
		w.Flush()
		if fault == Stall {
			<-req.Context().Done()
		}
		panic(http.ErrAbortHandler)
	case Slow:
		slowly(w, req, data)
	default:
		w.Write(data)
	}
}

// begins is the offset that a request asks to begin at.
func begins(req *http.Request) int {
	from, _, _ := strings.Cut(strings.TrimPrefix(req.Header.Get("Range"), "bytes="), "-")
	offset, err := strconv.Atoi(from)
	if err != nil {
		return 0
	}
	return offset
}

func slowly(w *counted, req *http.Request, data []byte) {
	for len(data) > 0 && req.Context().Err() == nil {
		n, err := w.Write(data[:min(len(data), 16<<10)])
		if err != nil {
			break
		}
		w.Flush()
		data = data[n:]
		time.Sleep(15 * time.Millisecond)
	}
}
