package unitgen

import (
	"slices"
	"strconv"
	"strings"
)

// signalName returns the form of a signal that systemd shows: SIGTERM for
// "SIGTERM", "term" or "15", SIGRTMIN+3 for "RTMIN+3" or "37".
func signalName(signal string) (string, error) {
	// In the order of their numbers, from 1.
	names := strings.Fields("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM " +
		"STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS")
	const rtMin, rtMax = 34, 64 // as glibc and systemd count

	name := strings.TrimPrefix(strings.ToUpper(signal), "SIG")
	if slices.Contains(names, name) {
		return "SIG" + name, nil
	}
	number := -1
	if offset, ok := strings.CutPrefix(name, "RTMIN"); ok {
		number = offsetFrom(rtMin, offset, "+")
	} else if offset, ok := strings.CutPrefix(name, "RTMAX"); ok {
		number = offsetFrom(rtMax, offset, "-")
	} else if n, err := strconv.ParseUint(signal, 10, 8); err == nil {
		number = int(n)
	}
	switch {
	case number >= 1 && number <= len(names):
		return "SIG" + names[number-1], nil
	case number >= rtMin && number <= rtMax:
		return "SIGRTMIN+" + strconv.Itoa(number-rtMin), nil
	}
	return "", &ValueError{Setting: "KillSignal", Value: signal, Reason: "is not a signal"}
}

// offsetFrom returns base plus or minus what stands after sign, base itself for
// an empty offset, and -1 for what is neither.
func offsetFrom(base int, offset, sign string) int {
	if offset == "" {
		return base
	}
	number, signed := strings.CutPrefix(offset, sign)
	n, err := strconv.ParseUint(number, 10, 5)
	switch {
	case !signed || err != nil:
		return -1
	case sign == "-":
		return base - int(n)
	}
	return base + int(n)
}
