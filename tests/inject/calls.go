package inject

import "golang.org/x/sys/unix"

// call is a system call that changes what outlives the process, or makes a change durable.
type call struct {
	name string
	nr   uint32
	// args says what the arguments are, from the first: f an open file, d the open directory that the path p after it is
	// relative to, p a path, t a text, - something else.
	args string
	only when
}

// when narrows a call down by one argument: to those with any of the flags in it, or where it is just that. The zero value
// narrows nothing down.
type when struct {
	argument int
	any, is  uint32
}

// makes are the flags of open that change something before anything is written.
const makes = unix.O_CREAT | unix.O_TRUNC | unix.O_TMPFILE&^unix.O_DIRECTORY

// calls is what counts. What changes a file by its descriptor counts when that is a file on disk, and what is written
// to a socket when it asks systemd for a change; see changesState.
var calls = append(legacyCalls, []call{
	{"openat", unix.SYS_OPENAT, "dp", when{argument: 2, any: makes}},
	{"openat2", unix.SYS_OPENAT2, "dp", when{}},
	{"write", unix.SYS_WRITE, "f", when{}},
	{"pwrite64", unix.SYS_PWRITE64, "f", when{}},
	{"writev", unix.SYS_WRITEV, "f", when{}},
	{"pwritev", unix.SYS_PWRITEV, "f", when{}},
	{"pwritev2", unix.SYS_PWRITEV2, "f", when{}},
	{"sendfile", unix.SYS_SENDFILE, "f", when{}},
	{"copy_file_range", unix.SYS_COPY_FILE_RANGE, "--f", when{}},
	{"splice", unix.SYS_SPLICE, "--f", when{}},
	{"truncate", unix.SYS_TRUNCATE, "p", when{}},
	{"ftruncate", unix.SYS_FTRUNCATE, "f", when{}},
	{"fallocate", unix.SYS_FALLOCATE, "f", when{}},
	{"ioctl", unix.SYS_IOCTL, "f", when{argument: 1, is: unix.FICLONE}},
	{"renameat", unix.SYS_RENAMEAT, "dpdp", when{}},
	{"renameat2", unix.SYS_RENAMEAT2, "dpdp", when{}},
	{"linkat", unix.SYS_LINKAT, "dpdp", when{}},
	{"symlinkat", unix.SYS_SYMLINKAT, "tdp", when{}},
	{"unlinkat", unix.SYS_UNLINKAT, "dp", when{}},
	{"mkdirat", unix.SYS_MKDIRAT, "dp", when{}},
	{"mknodat", unix.SYS_MKNODAT, "dp", when{}},
	{"fchmod", unix.SYS_FCHMOD, "f", when{}},
	{"fchmodat", unix.SYS_FCHMODAT, "dp", when{}},
	{"fchmodat2", unix.SYS_FCHMODAT2, "dp", when{}},
	{"fchown", unix.SYS_FCHOWN, "f", when{}},
	{"fchownat", unix.SYS_FCHOWNAT, "dp", when{}},
	{"utimensat", unix.SYS_UTIMENSAT, "dp", when{}},
	{"setxattr", unix.SYS_SETXATTR, "p", when{}},
	{"lsetxattr", unix.SYS_LSETXATTR, "p", when{}},
	{"fsetxattr", unix.SYS_FSETXATTR, "f", when{}},
	{"removexattr", unix.SYS_REMOVEXATTR, "p", when{}},
	{"lremovexattr", unix.SYS_LREMOVEXATTR, "p", when{}},
	{"fremovexattr", unix.SYS_FREMOVEXATTR, "f", when{}},
	{"mount", unix.SYS_MOUNT, "pp", when{}},
	{"umount2", unix.SYS_UMOUNT2, "p", when{}},
	{"move_mount", unix.SYS_MOVE_MOUNT, "dpdp", when{}},
	{"mount_setattr", unix.SYS_MOUNT_SETATTR, "dp", when{}},
	{"fsync", unix.SYS_FSYNC, "f", when{}},
	{"fdatasync", unix.SYS_FDATASYNC, "f", when{}},
	{"syncfs", unix.SYS_SYNCFS, "f", when{}},
}...)
