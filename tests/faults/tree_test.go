package faults_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// tree is what is below a directory: path -> what is there, in one line.
type tree map[string]string

// state is a host, as far as a verb can change it.
type state struct {
	host tree // everything but the repo
	repo tree // objects and refs, whatever else lies there, and the directory that the repo is in
}

const (
	stateDir = "var/lib/syscontainer"
	repoDir  = stateDir + "/repo"
)

// look reads a host. Deployments are numbered from the oldest that is there: each attempt has a number of its own, which
// is remembered in history.json.
func look(t *testing.T, root string) state {
	t.Helper()
	s := state{tree{}, tree{}}
	numbers := renumber(t, root)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil || entry.Name() == "history.json" {
			return err
		}
		into := s.host
		if name == stateDir || strings.HasPrefix(name, repoDir) {
			into = s.repo
			if entry.IsDir() && strings.HasPrefix(name, repoDir+"/") {
				return nil // ostree leaves the directory of a ref that it removes
			}
		}
		into[numbers.Replace(name)], err = describe(path, entry, numbers)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.host = s.host.withoutEmptyWants()
	return s
}

// renumber gives the deployments of each container new numbers, wherever they are named.
func renumber(t *testing.T, root string) *strings.Replacer {
	t.Helper()
	containers, err := filepath.Glob(filepath.Join(root, stateDir, "containers", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, dir := range containers {
		deployments, err := filepath.Glob(filepath.Join(dir, "deploy", "[1-9]*"))
		if err != nil {
			t.Fatal(err)
		}
		for i, deployment := range deployments { // fewer than ten
			name, old, new := filepath.Base(dir), filepath.Base(deployment), fmt.Sprint("#", i+1)
			pairs = append(pairs, name+"/deploy/"+old, name+"/deploy/"+new, "container/"+name+"/"+old, "container/"+name+"/"+new)
		}
	}
	return strings.NewReplacer(pairs...)
}

func describe(path string, entry fs.DirEntry, numbers *strings.Replacer) (string, error) {
	info, err := entry.Info()
	if err != nil {
		return "", err
	}
	owner := info.Sys().(*syscall.Stat_t)
	line := fmt.Sprintf("%v %d:%d", info.Mode(), owner.Uid, owner.Gid)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		whole := filepath.Join(filepath.Base(filepath.Dir(path)), target) // current leads to deploy/N
		return line + " -> " + numbers.Replace(whole), err
	case entry.Name() == "record.json":
		record, err := timeless(path)
		return line + " " + record, err
	case info.Mode().IsRegular():
		data, err := os.ReadFile(path)
		text := numbers.Replace(string(data))
		return fmt.Sprintf("%s %d bytes %.4x", line, len(text), sha256.Sum256([]byte(text))), err
	}
	return line, nil
}

// timeless is a record without what differs from one run to the next.
func timeless(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var record map[string]any
	if err := json.Unmarshal(data, &record); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	for _, key := range []string{"created", "generated", "deployment"} {
		delete(record, key)
	}
	for _, key := range []string{"files", "rendered"} {
		list, _ := record[key].([]any)
		for _, file := range list {
			delete(file.(map[string]any), "sha256") // of a unit, which names its deployment
		}
	}
	text, err := json.Marshal(record)
	return string(text), err
}

// diff is what other has and t has not, and the reverse; "" when they are the same.
func (t tree) diff(other tree) string {
	var lines []string
	for path, what := range t {
		switch now, there := other[path]; {
		case !there:
			lines = append(lines, "- "+path+" "+what)
		case now != what:
			lines = append(lines, "- "+path+" "+what, "+ "+path+" "+now)
		}
	}
	for path, what := range other {
		if _, there := t[path]; !there {
			lines = append(lines, "+ "+path+" "+what)
		}
	}
	slices.Sort(lines)
	const enough = 12
	if len(lines) > enough {
		lines = append(lines[:enough], fmt.Sprintf("and %d more", len(lines)-enough))
	}
	return strings.Join(lines, "\n")
}

// withoutEmptyWants leaves out the directories for links of systemd that have none. systemctl removes one with the last
// link in it, in two steps; it means nothing, and nothing of it is ours.
func (t tree) withoutEmptyWants() tree {
	maps.DeleteFunc(t, func(path, _ string) bool {
		return strings.HasSuffix(path, ".wants") && !t.hasBelow(path)
	})
	return t
}

func (t tree) hasBelow(dir string) bool {
	for path := range t {
		if strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}

// parts are the trees that one falls into.
func (t tree) parts(of func(path string) string) map[string]tree {
	parts := map[string]tree{}
	for path, what := range t {
		part := of(path)
		if parts[part] == nil {
			parts[part] = tree{}
		}
		parts[part][path] = what
	}
	return parts
}
