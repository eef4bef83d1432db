package imagestore

import (
	"cmp"

	"github.com/syscontainer/syscontainer/ostree/imagestore/layers"
)

// What a layer may unpack to unless the Options say otherwise. The largest
// images in the world have some ten gigabytes a layer; text compresses ten
// times, and nothing but zeros a thousand times.
const (
	DefaultMaxLayerSize = 64 << 30
	DefaultMaxRatio     = 200

	ratioFrom = 1 << 30
)

func (o Options) limits() layers.Limits {
	return layers.Limits{
		Size:      cmp.Or(o.MaxLayerSize, DefaultMaxLayerSize),
		Ratio:     cmp.Or(o.MaxRatio, DefaultMaxRatio),
		RatioFrom: ratioFrom,
	}
}
