package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/syscontainer/syscontainer/install"
	"github.com/syscontainer/syscontainer/install/drift"
	"github.com/syscontainer/syscontainer/install/hint"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "find what was changed, damaged or lost since containers were installed",
		ArgsUsage: "[NAME...]",
		UsageText: "syscontainer verify [--json] [NAME...]\n" +
			"syscontainer verify --repair [--json] [NAME...] [FILE...]",
		Description: "Compares every deployment of the named containers, or of all: its files with the repo, the repo's\n" +
			"objects with their checksums, and what was rendered with the record; of the current deployment also\n" +
			"its units, its host files and whether its units are enabled. Each difference is told, with what was\n" +
			"expected and what is there, also what an administrator may change, and marked as such. The exit\n" +
			"status is 1 when there is any.\n\n" +
			"With --repair they are mended: files of deployments from the repo, damaged objects of the repo from\n" +
			"where the image came from, what was rendered by rendering it again, and units and missing host files\n" +
			"from the deployment. A host file that was changed is put back only where it is named, as a FILE that\n" +
			"begins with a slash. No service is restarted.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "repair", Usage: "mend what can be mended"},
			jsonFlag(),
		},
		OnUsageError: onUsageError,
		Action: func(c *cli.Context) error {
			return withInstaller(c, func(ctx context.Context, installer *install.Installer) error {
				names, files := namesAndFiles(c.Args().Slice())
				judge := verifyError
				verify := func() ([]*install.Verification, error) { return installer.Verify(ctx, names...) }
				if c.Bool("repair") {
					judge = repairError
					verify = func() ([]*install.Verification, error) {
						return installer.Repair(ctx, install.RepairRequest{Names: names, Files: files})
					}
				} else if len(files) > 0 {
					return usageErrorf("verify: %s is a file, and files are named for --repair only", files[0])
				}
				return runVerify(verify, judge, outputOf(c))
			})
		},
	}
}

func runVerify(verify func() ([]*install.Verification, error), judge func([]*install.Verification) error, out output) error {
	list, err := verify()
	if err != nil {
		return err
	}
	if list == nil {
		list = []*install.Verification{}
	}
	if err := out.print(list, func(w io.Writer) { printVerifications(w, list) }); err != nil {
		return err
	}
	return judge(list)
}

// namesAndFiles separates the files of the host from the names of containers.
func namesAndFiles(args []string) (names, files []string) {
	for _, arg := range args {
		if strings.HasPrefix(arg, "/") {
			files = append(files, path.Clean(arg))
		} else {
			names = append(names, arg)
		}
	}
	return names, files
}

// verifyError says how many deployments are not as they should be.
func verifyError(list []*install.Verification) error {
	differ := 0
	for _, v := range list {
		if !v.OK() {
			differ++
		}
	}
	if differ == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d deployments are not as they were installed", differ, len(list))
}

// repairError is verifyError after a repair, which leaves host files that were changed and units that
// were disabled.
func repairError(list []*install.Verification) error {
	err := verifyError(list)
	for _, v := range list {
		for _, d := range v.Differences {
			if d.Aspect == drift.Enabled {
				err = hint.Add(err, "to enable what was disabled: systemctl enable %s", d.Path)
			}
		}
		if files := changedFiles(v); len(files) > 0 {
			err = hint.Add(err, "to put back what was changed on the host: syscontainer verify --repair %s %s", v.Name, strings.Join(files, " "))
		}
	}
	return err
}

// changedFiles are the host files that are there, and not as they were installed.
func changedFiles(v *install.Verification) []string {
	var files []string
	for _, d := range v.Differences {
		if d.Place == drift.Host && d.Aspect != drift.Missing && !slices.Contains(files, d.Path) {
			files = append(files, d.Path)
		}
	}
	return files
}

func printVerifications(w io.Writer, list []*install.Verification) {
	for _, v := range list {
		fmt.Fprintln(w, verificationTitle(v)+": "+verdict(v))
		if v.Error != "" {
			fmt.Fprintln(w, "  "+strings.ReplaceAll(v.Error, "\n", "\n  "))
		}
		for _, d := range v.Repaired {
			fmt.Fprintln(w, "  repaired: "+differenceLine(d))
		}
		for _, d := range v.Differences {
			fmt.Fprintln(w, "  "+differenceLine(d))
		}
		if v.Restart {
			fmt.Fprintln(w, "  the service may still use what was there before: systemctl restart "+v.Name)
		}
	}
}

func verificationTitle(v *install.Verification) string {
	switch {
	case v.Deployment == 0:
		return v.Name
	case v.Current:
		return fmt.Sprintf("%s, deployment %d (current)", v.Name, v.Deployment)
	}
	return fmt.Sprintf("%s, deployment %d", v.Name, v.Deployment)
}

func verdict(v *install.Verification) string {
	switch n := len(v.Differences); {
	case v.OK():
		return "ok"
	case n == 0:
		return "cannot be verified"
	case n == 1:
		return "1 difference"
	default:
		return fmt.Sprintf("%d differences", n)
	}
}

// differenceLine tells of one difference: where, what is there and what was expected.
func differenceLine(d drift.Difference) string {
	line := d.Path + ": " + differenceWords(d)
	if d.Administrator {
		line += " (changed by the administrator)"
	}
	return line
}

func differenceWords(d drift.Difference) string {
	switch {
	case d.Place == drift.Repo && d.Object != "" && d.Aspect == drift.Missing:
		return "the repo's object " + d.Object + " is missing"
	case d.Place == drift.Repo && d.Object != "":
		return "the repo's object " + d.Object + " is damaged: " + d.Have
	case d.Aspect == drift.Object:
		return "it is the repo's object " + d.Object + ", which is damaged: its checksum is " + d.Have
	case d.Aspect == drift.Missing:
		return "missing, expected " + d.Want
	case d.Aspect == drift.Extra:
		return "a " + d.Have + " that was not installed"
	case d.Aspect == drift.Enabled:
		return d.Have + ", expected " + d.Want
	}
	return fmt.Sprintf("%s is %s, expected %s", d.Aspect, d.Have, d.Want)
}
