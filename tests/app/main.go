// Command app is the program in the images of tests: one static file that behaves as the daemons of real system
// containers do.
//
//	app serve        say READY=1 where that is wanted, and run until SIGTERM
//	app die AFTER    the same, and fail after that time
//	app silent       run until SIGTERM, and never say READY=1
//	app accept       answer on the socket that systemd passed
//	app once STATUS  say hello, and exit with that status
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "once":
		status, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		fmt.Println("hello, once")
		os.Exit(status)
	case len(args) == 1 && args[0] == "serve":
		return serve()
	case len(args) == 1 && args[0] == "silent":
		return await()
	case len(args) == 2 && args[0] == "die":
		return die(args[1])
	case len(args) == 1 && args[0] == "accept":
		return accept()
	}
	return fmt.Errorf("unknown command %q", args)
}

// serve runs until it is told to stop.
func serve() error {
	fmt.Println("serving, GREETING="+os.Getenv("GREETING")+", pid", os.Getpid())
	if err := ready(); err != nil {
		return err
	}
	return await()
}

func await() error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("stopped by", <-stop)
	return nil
}

// die serves for a while.
func die(after string) error {
	duration, err := time.ParseDuration(after)
	if err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	time.Sleep(duration)
	return errors.New("this is the end")
}

// ready speaks sd_notify where there is somebody to listen.
func ready() error {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	conn, err := net.Dial("unixgram", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte("READY=1\nSTATUS=the app is ready"))
	return err
}

// accept answers each connection to the socket that systemd passed.
func accept() error {
	const first = 3
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) || os.Getenv("LISTEN_FDS") != "1" {
		return fmt.Errorf("no socket: LISTEN_PID=%s, LISTEN_FDS=%s", os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"))
	}
	listener, err := net.FileListener(os.NewFile(first, "socket"))
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(conn, "hello from the container"); err != nil {
			return err
		}
		conn.Close()
	}
}
