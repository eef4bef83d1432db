// Package imagestore keeps OCI images in an ostree repo.
//
// It knows how an image is laid out there (refs, layer commits, merged
// commits; what a layer means is package layers) and containers/image: [Store.Pull] is
// copy.Image with a destination of ours, so that policy.json, registries.conf,
// credentials, mirrors and retries are containers/image's; [Store.Push] is it with
// a source of ours, which puts layers together again. It knows nothing of
// units, containers or deployments; a container is a name that holds a commit.
//
// Refs:
//
//	layer/sha256/HEX     DiffID of a layer           -> layer commit
//	blob/sha256/HEX      digest of a layer's blob    -> the same layer commit
//	manifest/sha256/HEX  digest of a manifest        -> image commit
//	stack/sha256/HEX     ChainID of an image's layers -> a commit of what they are merged to
//	image/ENCODED        reference (see refname)      -> image commit
//	container/NAME/N     a deployment that uses it   -> image commit
//
// A layer goes from the network into objects in one stream, without a temporary
// copy; layers are unpacked in parallel. Each is a transaction of its
// own and becomes part of the repo when it is complete, see arrivals; the image does
// with the last of them.
package imagestore
