package imagestore

import (
	"encoding/json"
	"testing"

	"github.com/containers/image/v5/manifest"
	"github.com/containers/image/v5/types"
	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/syscontainer/syscontainer/ostree"
)

const (
	fuzzDigest   = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	fuzzConfig   = `{"architecture":"amd64","os":"linux","created":"2020-01-01T00:00:00Z","config":{"Env":["A=b"],"Volumes":{"/v":{}}},"rootfs":{"type":"layers","diff_ids":["` + fuzzDigest + `"]}}`
	fuzzManifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"` + fuzzDigest + `","size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"` + fuzzDigest + `","size":-3}]}`
	fuzzIndex    = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + fuzzDigest + `","size":2,"platform":{"os":"linux","architecture":"arm","variant":"v7"}},{"digest":"x"}]}`
)

// FuzzManifest reads manifests and configurations, from elsewhere or from a repo,
// in all the ways in which the store looks at them.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(fuzzManifest), []byte(fuzzConfig))
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json"}`), []byte(`{}`))
	f.Add([]byte(`null`), []byte(`null`))
	f.Add([]byte(fuzzIndex), []byte(`{"rootfs":{"diff_ids":["../x"]}}`))
	f.Add([]byte(fuzzManifest), []byte(`{"config":{"Healthcheck":{"Test":["CMD","a"],"Interval":1e9}}}`))
	f.Fuzz(func(t *testing.T, raw, config []byte) {
		r := imageRecord{manifest: raw, config: config, mediaType: manifest.GuessMIMEType(raw), reference: "r"}
		used := make(map[string]bool)
		if r.markRefs(used) == nil {
			m, err := manifest.FromBlob(raw, r.mediaType)
			c, cerr := parseConfig(config)
			if err != nil || cerr != nil || len(used) > 2+len(m.LayerInfos())+len(c.RootFS.DiffIDs) {
				t.Errorf("refs %v of what is none: %v, %v", used, err, cerr)
			}
		}
		r.stored(ostree.Checksum{})
		if c, err := parseConfig(config); err == nil {
			if checkDiffIDs(c, []layer{{diffID: fuzzDigest}}) == nil && (len(c.RootFS.DiffIDs) != 1 || c.RootFS.DiffIDs[0] != digest.Digest(fuzzDigest)) {
				t.Errorf("%q passes for the DiffIDs", c.RootFS.DiffIDs)
			}
			_ = checkPlatform(c)
			_, _ = parseHealth(config)
		}
		var i Inspection
		if i.describe(raw, r.mediaType, config) == nil {
			if _, err := json.Marshal(i); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzIndex chooses from lists of images.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(fuzzIndex))
	f.Add([]byte(`{"manifests":[{"platform":null},{"platform":{}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var i Inspection
		for _, mediaType := range []string{imgspec.MediaTypeImageIndex, manifest.DockerV2ListMediaType} {
			chosen, err := i.choose(&types.SystemContext{ArchitectureChoice: "arm", OSChoice: "linux"}, raw, mediaType)
			if err == nil && chosen != nil && chosen.Validate() != nil {
				t.Errorf("chose %q", *chosen)
			}
		}
		platforms(raw)
	})
}
