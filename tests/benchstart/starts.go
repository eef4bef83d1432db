package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/syscontainer/syscontainer/tests/sampling"
)

// starts are what was measured of a contender, in nanoseconds.
type starts struct {
	Start, StartStop, Restart []time.Duration
	Processor                 []time.Duration // of the whole machine, for a start
	// Resident is what stays in memory beside the program, and Processes how many they are.
	Resident  int64 // bytes
	Processes []string
}

// settling is how long a start may still cause work once it is ready.
const settling = 300 * time.Millisecond

// printStarts measures every contender in turn and prints the starts of each as JSON.
func printStarts(ctx context.Context, rounds int, out io.Writer) error {
	ready, err := listen()
	if err != nil {
		return err
	}
	defer ready.Close()
	m := meter{ready}
	results := map[string]*starts{}
	for round := range rounds {
		for _, c := range sampling.Rotated(contenders(), round) {
			if results[c.name] == nil {
				results[c.name] = &starts{}
			}
			if err := m.sample(ctx, c, results[c.name]); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	return json.NewEncoder(out).Encode(results)
}

func listen() (*net.UnixConn, error) {
	if err := os.RemoveAll(readiness); err != nil {
		return nil, err
	}
	return net.ListenUnixgram("unixgram", &net.UnixAddr{Name: readiness, Net: "unixgram"})
}

// meter measures inside the machine.
type meter struct{ ready *net.UnixConn }

// sample starts a contender, restarts it and stops it.
func (m meter) sample(ctx context.Context, c contender, s *starts) error {
	before, err := processes()
	if err != nil {
		return err
	}
	used, err := processorTime()
	if err != nil {
		return err
	}
	start, err := m.time(ctx, c.start, c.waits)
	if err != nil {
		return err
	}
	time.Sleep(settling)
	usedThen, err := processorTime()
	if err != nil {
		return err
	}
	if s.Resident, s.Processes, err = beside(before); err != nil {
		return err
	}
	if c.restart != nil {
		restart, err := m.time(ctx, c.restart, c.waits)
		if err != nil {
			return err
		}
		s.Restart = append(s.Restart, restart)
		time.Sleep(settling)
	}
	stop, err := m.time(ctx, c.stop, false)
	if err != nil {
		return err
	}
	time.Sleep(settling)
	s.Start = append(s.Start, start)
	s.StartStop = append(s.StartStop, start+stop)
	s.Processor = append(s.Processor, usedThen-used)
	return nil
}

// time runs a command, and waits for the program's own word where the command does not.
func (m meter) time(ctx context.Context, argv []string, waits bool) (time.Duration, error) {
	// Not a pipe: a container without systemd inherits it, and its end would be waited for.
	said, err := os.OpenFile(scratch+"/said", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer said.Close()
	start := time.Now()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(said.Name())
		return 0, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, text)
	}
	if waits {
		if err := m.awaitReady(); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

func (m meter) awaitReady() error {
	if err := m.ready.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	message := make([]byte, 1024)
	_, err := m.ready.Read(message)
	return err
}
