package ostree

// #cgo pkg-config: ostree-1 gio-unix-2.0
// #include <stdlib.h>
// #include "glue.h"
import "C"

import (
	"context"
	"fmt"
	"unsafe"
)

// failure converts a GError and frees it.
func failure(e *C.GError) error {
	if e == nil {
		return &Error{Message: "unknown error"}
	}
	defer C.g_error_free(e)
	return &Error{
		Domain:  C.GoString(C.sysc_error_domain(e)),
		Code:    int(e.code),
		Message: C.GoString((*C.char)(e.message)),
	}
}

// cancellable follows ctx until release is called. Its callback owns a
// reference, so that it may run late.
func cancellable(ctx context.Context) (c *C.GCancellable, release func()) {
	c = C.g_cancellable_new()
	C.g_object_ref(C.gpointer(c))
	stop := context.AfterFunc(ctx, func() {
		C.g_cancellable_cancel(c)
		C.g_object_unref(C.gpointer(c))
	})
	return c, func() {
		if stop() {
			C.g_object_unref(C.gpointer(c))
		}
		C.g_object_unref(C.gpointer(c))
	}
}

// takeString copies a string that C allocated and frees it.
func takeString(s *C.char) string {
	defer C.g_free(C.gpointer(s))
	return C.GoString(s)
}

// takeBytes copies a GBytes and drops it; nil stays nil.
func takeBytes(b *C.GBytes) []byte {
	if b == nil {
		return nil
	}
	defer C.g_bytes_unref(b)
	var size C.gsize
	data := C.g_bytes_get_data(b, &size)
	return C.GoBytes(unsafe.Pointer(data), C.int(size))
}

// takeChecksum reads a checksum that C allocated as text.
func takeChecksum(s *C.char) (Checksum, error) {
	return ParseChecksum(takeString(s))
}

// hexText is a checksum as a C string that lives in Go memory.
type hexText [65]byte

func (c Checksum) hex() hexText {
	var h hexText
	const digits = "0123456789abcdef"
	for i, b := range c {
		h[2*i], h[2*i+1] = digits[b>>4], digits[b&15]
	}
	return h
}

func (h *hexText) c() *C.char { return (*C.char)(unsafe.Pointer(h)) }

// pointer is the address of b's first byte, never nil.
func pointer(b []byte) unsafe.Pointer {
	if len(b) == 0 {
		b = []byte{0}
	}
	return unsafe.Pointer(unsafe.SliceData(b))
}

// cString copies s to C memory; the caller frees it.
func cString(s string) *C.char { return C.CString(s) }

func free(s *C.char) { C.free(unsafe.Pointer(s)) }

func wrap(what string, err error) error { return fmt.Errorf("%s: %w", what, err) }

// wrapped is wrap for what may be nil.
func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return wrap(what, err)
}
