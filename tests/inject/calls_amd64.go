package inject

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// legacyCalls are those that later architectures do without.
var legacyCalls = []call{
	{"open", unix.SYS_OPEN, "p", when{argument: 1, any: makes}},
	{"creat", unix.SYS_CREAT, "p", when{}},
	{"rename", unix.SYS_RENAME, "pp", when{}},
	{"link", unix.SYS_LINK, "pp", when{}},
	{"symlink", unix.SYS_SYMLINK, "tp", when{}},
	{"unlink", unix.SYS_UNLINK, "p", when{}},
	{"rmdir", unix.SYS_RMDIR, "p", when{}},
	{"mkdir", unix.SYS_MKDIR, "p", when{}},
	{"mknod", unix.SYS_MKNOD, "p", when{}},
	{"chmod", unix.SYS_CHMOD, "p", when{}},
	{"chown", unix.SYS_CHOWN, "p", when{}},
	{"lchown", unix.SYS_LCHOWN, "p", when{}},
	{"utime", unix.SYS_UTIME, "p", when{}},
	{"utimes", unix.SYS_UTIMES, "p", when{}},
	{"futimesat", unix.SYS_FUTIMESAT, "dp", when{}},
}
