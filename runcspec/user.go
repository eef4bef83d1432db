package runcspec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// An account is what the image's own files know of its User.
type account struct {
	user specs.User
	home string
}

// lookUp reads the User of an image: a name or number of a user and, behind a colon,
// of a group. As with other engines, a number that passwd does not list is a user
// with group 0; a group that is given is the only one; without it the user also has
// the groups that list the name.
func lookUp(s string, passwd, group []byte) (account, error) {
	who, groupName, withGroup := strings.Cut(s, ":")
	if who == "" {
		who = "0"
	}
	a := account{home: "/"}
	users := entries(passwd, 7)
	if i := slices.IndexFunc(users, func(e []string) bool { return e[0] == who || e[2] == who }); i >= 0 {
		e := users[i]
		uid, uidErr := parseID(e[2])
		gid, gidErr := parseID(e[3])
		if uidErr != nil || gidErr != nil {
			return account{}, fmt.Errorf("reading the image's User %q: the ids of its /etc/passwd are %q and %q", s, e[2], e[3])
		}
		a = account{user: specs.User{UID: uid, GID: gid, AdditionalGids: groupsOf(e[0], gid, group)}, home: e[5]}
	} else {
		uid, err := parseID(who)
		if err != nil {
			return account{}, fmt.Errorf("reading the image's User %q: %q is neither a number up to %d nor in the image's /etc/passwd", s, who, lastID)
		}
		a.user.UID = uid
	}
	if !withGroup {
		return a, nil
	}
	gid, err := lookUpGroup(groupName, group)
	if err != nil {
		return account{}, fmt.Errorf("reading the image's User %q: %w", s, err)
	}
	a.user.GID, a.user.AdditionalGids = gid, nil
	return a, nil
}

func lookUpGroup(name string, group []byte) (uint32, error) {
	for _, e := range entries(group, 3) {
		if e[0] == name || e[2] == name {
			return parseID(e[2])
		}
	}
	gid, err := parseID(name)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a number up to %d nor in the image's /etc/group", name, lastID)
	}
	return gid, nil
}

// groupsOf returns the groups that list a user, but not its own one.
func groupsOf(name string, own uint32, group []byte) []uint32 {
	var gids []uint32
	for _, e := range entries(group, 4) {
		gid, err := parseID(e[2])
		if err == nil && gid != own && !slices.Contains(gids, gid) && slices.Contains(strings.Split(e[3], ","), name) {
			gids = append(gids, gid)
		}
	}
	return gids
}

// entries splits a file like passwd(5) into the fields of its lines, those with
// fewer than so many left out.
func entries(file []byte, fields int) [][]string {
	var list [][]string
	for line := range strings.Lines(string(file)) {
		e := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(e) >= fields && e[0] != "" {
			list = append(list, e)
		}
	}
	return list
}

func parseID(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > lastID {
		return 0, fmt.Errorf("%q is not a number from 0 to %d", s, lastID)
	}
	return uint32(n), nil
}
