// Command agent runs commands inside a virtual machine, for the machine around it: a line of JSON with the command comes
// in on a port, a line with how it ended goes out.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log"
	"os"
	"os/exec"
	"time"

	"github.com/syscontainer/syscontainer/tests/vm/protocol"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: agent PORT")
	}
	if err := serve(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

// serve says hello, and then answers for ever.
func serve(port string) error {
	f, err := os.OpenFile(port, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	in, out := json.NewDecoder(f), json.NewEncoder(f)
	if err := out.Encode(protocol.Hello); err != nil {
		return err
	}
	for {
		var request protocol.Request
		if err := in.Decode(&request); err != nil {
			return err
		}
		if err := out.Encode(run(request)); err != nil {
			return err
		}
	}
}

func run(request protocol.Request) protocol.Reply {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(request.Argv[0], request.Argv[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Dir, cmd.WaitDelay = "/root", time.Second // what it leaves in the background is not waited for
	err := cmd.Run()
	reply := protocol.Reply{Stdout: stdout.String(), Stderr: stderr.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		reply.Code = exit.ExitCode()
	} else if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		reply.Code, reply.Stderr = 127, reply.Stderr+err.Error()
	}
	return reply
}
