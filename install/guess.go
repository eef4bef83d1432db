package install

import (
	"path"
	"strings"

	"github.com/syscontainer/syscontainer/install/deployment"
)

// guessRecord makes up for a record that cannot be read: with what the host shows to be
// the container's, and with the names that the files of all deployments share, as far as
// the deployment still has the same.
func (in *Installer) guessRecord(name string, n int) *deployment.Record {
	guess := in.guessFromHost(name)
	guess.Deployment = n
	sources := map[string]string{
		deployment.UnitPath(name):     deployment.UnitName(name),
		deployment.DropInPath(name):   deployment.DropInFile,
		deployment.TmpfilesPath(name): deployment.TmpfilesFile,
	}
	units, err := in.Tree.ReadDir(path.Join(in.Paths.Deployment(name, n), deployment.UnitsDir))
	if err != nil {
		in.Log.Warn("looking for the units of a deployment", "container", name, "error", err)
	}
	for _, unit := range units {
		guess.Units = append(guess.Units, deployment.UnitRef{Name: unit.Name()})
		sources[path.Join(deployment.SystemdDir, unit.Name())] = path.Join(deployment.UnitsDir, unit.Name())
	}
	for hostPath, source := range sources {
		sum, err := in.Tree.SHA256(path.Join(in.Paths.Deployment(name, n), source), deployment.MaxHostFile)
		if err != nil {
			continue
		}
		guess.Files = append(guess.Files, deployment.HostFile{Path: hostPath, Kind: deployment.File, Mode: 0o644, Source: source, SHA256: sum})
		if source == deployment.UnitName(name) {
			guess.Unit = source
		}
	}
	return guess
}

// guessFromHost tells what the host itself shows to be the container's: a unit and a
// drop-in that name one of its deployments, and drop-ins of others that bear its name.
func (in *Installer) guessFromHost(name string) *deployment.Record {
	guess := &deployment.Record{Head: deployment.Head{Name: name}}
	for _, hostPath := range []string{deployment.UnitPath(name), deployment.DropInPath(name)} {
		text, err := in.Tree.ReadFile(hostPath)
		if err == nil && strings.Contains(string(text), in.Paths.Deployments(name)+"/") {
			in.guessFile(guess, hostPath)
		}
	}
	dirs, err := in.Tree.ReadDir(deployment.SystemdDir)
	if err != nil {
		in.Log.Warn("looking for drop-ins", "container", name, "error", err)
	}
	for _, dir := range dirs {
		if service, isDropIns := strings.CutSuffix(dir.Name(), ".d"); isDropIns {
			in.guessFile(guess, deployment.ComebackPath(service, name))
		}
	}
	return guess
}

// guessFile adds a file of the host, as it is there, to a guess, with the directory of
// drop-ins that it is in.
func (in *Installer) guessFile(guess *deployment.Record, hostPath string) {
	sum, err := in.Tree.SHA256(hostPath, deployment.MaxHostFile)
	if err != nil {
		return
	}
	guess.Files = append(guess.Files, deployment.HostFile{Path: hostPath, Kind: deployment.File, Mode: 0o644, SHA256: sum})
	if hostPath == deployment.UnitPath(guess.Name) {
		guess.Unit = deployment.UnitName(guess.Name)
		return
	}
	guess.Files = append(guess.Files, deployment.HostFile{Path: path.Dir(hostPath), Kind: deployment.Directory})
}
