package inject

import (
	"errors"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// notification is the kernel's struct seccomp_notif.
type notification struct {
	id   uint64
	pid  uint32 // of the thread
	_    uint32 // flags, of which there are none yet
	nr   int32
	_    uint32 // the architecture, which is ours
	_    uint64 // where the call was made
	args [6]uint64
}

// response is the kernel's struct seccomp_notif_resp.
type response struct {
	id    uint64
	_     int64 // what the call would return; we only ever give an error, or have it made
	error int32
	flags uint32
}

func ioctl[T any](fd int, request uintptr, argument *T) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(argument))); errno != 0 {
		return errno
	}
	return nil
}

// installFilter has the kernel report the calls of the table that this thread, and processes that it starts, make, and
// returns where. A thread cannot get rid of a filter.
func installFilter() (listener int, err error) {
	bell, err := schedulersBell()
	if err != nil {
		return -1, err
	}
	program := filter(bell)
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	// Once a call was reported nothing but death interrupts it: a signal would have it made, and counted, again.
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// Offsets in the kernel's struct seccomp_data.
const (
	offsetNr   = 0
	offsetArch = 4
	offsetArgs = 16
	sizeOfArg  = 8
)

// schedulersBell is the descriptor with which a thread of Go's wakes the one that waits for descriptors. It has one.
func schedulersBell() (uint32, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err != nil || target != "anon_inode:[eventfd]" {
			continue // or it was the folder itself
		}
		fd, err := strconv.ParseUint(entry.Name(), 10, 32)
		return uint32(fd), err
	}
	return 0, errors.New("looking for the eventfd of Go's scheduler: there is none")
}

// filter is the table as a program for the kernel, without writes to the scheduler's bell: a thread makes these in the
// scheduler, where nobody who could answer gets to run until they return.
func filter(bell uint32) []unix.SockFilter {
	const sizeOfRing = 8
	program := []unix.SockFilter{
		load(offsetArch), jump(unix.BPF_JEQ, auditArch, 1, 0), allow(),
		load(offsetNr), jump(unix.BPF_JEQ, unix.SYS_WRITE, 0, 5),
		load(offsetArgs), jump(unix.BPF_JEQ, bell, 0, 3),
		load(offsetArgs + 2*sizeOfArg), jump(unix.BPF_JEQ, sizeOfRing, 0, 1), allow(),
	}
	for _, c := range calls {
		matching := append(c.only.filter(), notify())
		program = append(program, load(offsetNr), jump(unix.BPF_JEQ, c.nr, 0, uint8(len(matching))))
		program = append(program, matching...)
	}
	return append(program, allow())
}

// filter skips the instruction after it when the call is not meant.
func (w when) filter() []unix.SockFilter {
	argument := load(offsetArgs + sizeOfArg*uint32(w.argument))
	switch {
	case w.any != 0:
		return []unix.SockFilter{argument, jump(unix.BPF_JSET, w.any, 0, 1)}
	case w.is != 0:
		return []unix.SockFilter{argument, jump(unix.BPF_JEQ, w.is, 0, 1)}
	}
	return nil
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

// jump skips yes or no instructions.
func jump(condition uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | condition | unix.BPF_K, Jt: yes, Jf: no, K: k}
}

func allow() unix.SockFilter { return ret(unix.SECCOMP_RET_ALLOW) }

func notify() unix.SockFilter { return ret(unix.SECCOMP_RET_USER_NOTIF) }

func ret(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}
