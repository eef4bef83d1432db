package ostree

// #include "glue.h"
import "C"

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// file compares a file or symlink. The target is that of a symlink whose object has
// a stand-in for it.
func (c *comparison) file(ctx context.Context, at int, dir, name string, sum Checksum, target string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p, o := path.Join(dir, name), object{C.OSTREE_OBJECT_TYPE_FILE, sum}
	var stat unix.Stat_t
	if err := unix.Fstatat(at, name, &stat, unix.AT_SYMLINK_NOFOLLOW); errors.Is(err, fs.ErrNotExist) {
		c.tell(Difference{Path: p, Aspect: Missing, Want: "file", Object: o.String()})
		return nil
	} else if err != nil {
		return os.NewSyscallError("fstatat", err)
	}
	if c.walk.repo.isObject(stat, sum) {
		return c.linked(ctx, at, p, o)
	}
	have, err := readEntry(at, name)
	if err != nil {
		return err
	}
	if target == "" {
		if actual, err := have.checksum(); err != nil || actual == sum {
			return err
		}
	}
	return c.copied(ctx, p, o, have, target)
}

// isObject reports whether a file is the object itself.
func (r *Repo) isObject(file unix.Stat_t, sum Checksum) bool {
	var stat unix.Stat_t
	err := unix.Fstatat(int(r.objects.Fd()), objectName(sum, kindFile), &stat, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && stat.Ino == file.Ino && stat.Dev == file.Dev
}

// linked compares a file that is the object.
func (c *comparison) linked(ctx context.Context, at int, p string, o object) error {
	sound, err := c.walk.visit(ctx, o, p)
	if err != nil || sound {
		return err
	}
	have := "cannot be read"
	if e, err := readEntry(at, path.Base(p)); err == nil {
		if sum, err := e.checksum(); err == nil {
			have = sum.String()
		}
	}
	c.tell(Difference{Path: p, Aspect: Damaged, Want: o.sum.String(), Have: have, Object: o.String()})
	return nil
}

// copied compares a file that is not the object with what that is. An object that
// is not sound tells nothing but its checksum.
func (c *comparison) copied(ctx context.Context, p string, o object, have *entry, target string) error {
	unlike := Difference{Path: p, Aspect: Content, Want: "checksum " + o.sum.String(), Have: have.kind(), Object: o.String()}
	sound, err := c.walk.visit(ctx, o, p)
	if err != nil {
		return err
	}
	if !sound {
		c.tell(unlike)
		return nil
	}
	want, err := c.walk.repo.LoadFile(ctx, o.sum)
	if err != nil {
		return err
	}
	defer want.Close()
	if target != "" {
		want.Target = target
	}
	if want.Mode&TypeMask != have.Mode&TypeMask {
		c.tell(Difference{Path: p, Aspect: Type, Want: kindOf(want.Mode), Have: have.kind(), Object: o.String()})
		return nil
	}
	c.metas(p, o.String(), want.Meta, have.Meta)
	if want.Target != have.target {
		c.tell(Difference{Path: p, Aspect: Target, Want: want.Target, Have: have.target, Object: o.String()})
	}
	if want.Content == nil {
		return nil
	}
	return c.contents(p, o, want, have)
}

func (c *comparison) contents(p string, o object, want *File, have *entry) error {
	expected, err := contentSum(want.Content)
	if err != nil {
		return err
	}
	file, err := have.open()
	if err != nil {
		return err
	}
	defer file.Close()
	actual, err := contentSum(file)
	if err != nil || actual == expected {
		return err
	}
	c.tell(Difference{Path: p, Aspect: Content, Want: expected, Have: actual, Object: o.String()})
	return nil
}

func contentSum(f *os.File) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
