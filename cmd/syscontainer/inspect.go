package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install/deployment"
	"github.com/syscontainer/syscontainer/ostree/imagestore"
)

// inspected is what inspect prints; the keys are never renamed.
type inspected struct {
	*imagestore.Inspection
	Variables []deployment.Variable // of the templates; nil when they are not known
}

// MarshalJSON adds the variables to the image's own keys.
func (i inspected) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(i.Inspection)
	if err != nil || i.Variables == nil {
		return data, err
	}
	variables, err := json.Marshal(i.Variables)
	return slices.Concat(data[:len(data)-1], []byte(`,"variables":`), variables, []byte("}")), err
}

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show what an image says of itself",
		UsageText: "syscontainer inspect [--remote] [--authfile FILE] [--json] IMAGE",
		Description: "Of an image in the store, also given by its ID, also the containers that use it and the variables\n" +
			"that its templates have. Any other is looked at where it is, and nothing is pulled; with --remote this\n" +
			"one too, as it is there now.",
		Flags: append(registryFlags(),
			&cli.BoolFlag{Name: "remote", Usage: "ask the registry, or look into the file, also when the store has the image"}, jsonFlag()),
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			image, err := oneArgument(c, "IMAGE")
			if err != nil {
				return err
			}
			return withStore(c, func(ctx context.Context, store *imagestore.Store) error {
				look := store.Inspect
				if c.Bool("remote") {
					look = store.InspectRemote
				}
				return runInspect(ctx, store, look, image, outputOf(c))
			})
		},
	}
}

// inspectFunc is one of the store's ways to look at an image.
type inspectFunc func(ctx context.Context, reference string) (*imagestore.Inspection, error)

func runInspect(ctx context.Context, store *imagestore.Store, look inspectFunc, reference string, out output) error {
	found, err := look(ctx, reference)
	if err != nil {
		return err
	}
	result := inspected{Inspection: found}
	if found.Local {
		files, err := store.Files(ctx, found.Commit)
		if err != nil {
			return err
		}
		defer files.Close()
		if result.Variables, err = deployment.Variables(deployment.Image{Reference: found.Reference}, files); err != nil {
			out.warn(err.Error())
		}
	}
	return out.print(result, func(w io.Writer) { table(w, inspectRows(result)) })
}

func inspectRows(i inspected) [][]string {
	rows := [][]string{{"image:", i.Reference}}
	add := func(key string, values ...string) {
		for _, value := range values {
			if value != "" {
				rows = append(rows, []string{key, value})
			}
		}
	}
	add("name:", slices.DeleteFunc(slices.Clone(i.Names), func(n string) bool { return n == i.Reference })...)
	add("id:", i.ID)
	add("digest:", i.Digest)
	add("list:", i.IndexDigest)
	add("media type:", i.MediaType)
	add("platform:", i.Platforms...)
	if i.Created != nil {
		add("created:", i.Created.Format(time.RFC3339))
	}
	for _, l := range i.Layers {
		add("layer:", layerLine(l))
	}
	add("entrypoint:", strings.Join(i.Entrypoint, " "))
	add("command:", strings.Join(i.Cmd, " "))
	add("user:", i.User)
	add("directory:", i.WorkingDir)
	add("env:", i.Env...)
	add("port:", i.ExposedPorts...)
	add("volume:", i.Volumes...)
	add("stop signal:", i.StopSignal)
	for _, key := range slices.Sorted(maps.Keys(i.Labels)) {
		add("label:", key+"="+i.Labels[key])
	}
	for _, v := range i.Variables {
		add("variable:", variableLine(v))
	}
	add("used by:", i.Containers...)
	return rows
}

// layerLine is a layer with its size and with what is not in the repo of it.
func layerLine(l imagestore.LayerInfo) string {
	line := l.Digest + "  " + humanSize(uint64(max(0, l.Size)))
	if l.Skipped > 0 {
		line += fmt.Sprintf("  (%d devices, fifos or sockets left out)", l.Skipped)
	}
	return line
}

// variableLine is a variable with its default and what the image says of it.
func variableLine(v deployment.Variable) string {
	line := v.Name
	var words []string
	switch {
	case v.Required:
		words = append(words, "has to be set")
	case v.Secret:
		words = append(words, "can be set")
	default:
		line += "=" + v.Default
	}
	if kind := v.Kind(); kind != "" {
		words = append(words, kind)
	}
	if len(words) > 0 {
		line += " (" + strings.Join(words, ", ") + ")"
	}
	return line
}

// humanSize is a number of bytes as people read it.
func humanSize(bytes uint64) string {
	const step = 1000
	if bytes < step {
		return fmt.Sprintf("%d B", bytes)
	}
	size, units := float64(bytes), "kMGTPE"
	for size /= step; size >= step-0.5 && len(units) > 1; size /= step {
		units = units[1:]
	}
	if size < 9.95 {
		return fmt.Sprintf("%.1f %cB", size, units[0])
	}
	return fmt.Sprintf("%.0f %cB", size, units[0])
}
