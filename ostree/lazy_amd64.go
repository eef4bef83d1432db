package ostree

// #cgo LDFLAGS: -Wl,--as-needed
// #include "lazy.h"
import "C"

import (
	"fmt"
	"runtime"
	"sync"
)

// load makes libostree callable. With the sixty libraries that it brings it takes
// longer to load than most commands take that need no repo.
var load = sync.OnceValue(func() error {
	runtime.LockOSThread() // the message is the thread's
	defer runtime.UnlockOSThread()
	if message := C.sysc_load(); message != nil {
		return fmt.Errorf("loading libostree (is it installed?): %s", C.GoString(message))
	}
	return nil
})
