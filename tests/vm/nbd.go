package vm

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// A machine reaches its disk by the protocol of network block devices, over a socket of this machine: of all that QEMU
// speaks, it is the one whose other end can be written in a page. See the protocol's own document, doc/proto.md in the
// NetworkBlockDevice/nbd repository.

const (
	nbdMagic      = 0x4e42444d41474943 // NBDMAGIC
	nbdOption     = 0x49484156454f5054 // IHAVEOPT
	nbdReplyMagic = 0x3e889045565a9
	nbdRequest    = 0x25609513
	nbdReply      = 0x67446698

	fixedNewstyle, noZeroes = 1, 2 // of the handshake

	optionExportName, optionAbort, optionInfo, optionGo = 1, 2, 6, 7

	replyAck, replyInfo, replyUnsupported = 1, 3, 1<<31 + 1

	hasFlags, sendFlush, sendFUA = 1, 4, 8 // of an export

	commandRead, commandWrite, commandDisconnect, commandFlush = 0, 1, 2, 3

	forceUnitAccess = 1 // of a write: it is to be stored before it is answered

	invalidArgument = 22
	ioError         = 5
)

// serve serves the disk to whoever connects, one after another, until the listener is closed.
func (d *Disk) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_ = d.talk(conn) // how it ends is QEMU's business: most often by being killed
		conn.Close()
	}
}

func (d *Disk) talk(conn io.ReadWriter) error {
	c := nbdConn{r: bufio.NewReader(conn), w: bufio.NewWriter(conn), disk: d}
	if err := c.negotiate(); err != nil {
		return err
	}
	for {
		if err := c.serveOne(); err != nil {
			return err
		}
	}
}

type nbdConn struct {
	r    *bufio.Reader
	w    *bufio.Writer
	disk *Disk
}

// send writes numbers of fixed size, and bytes, and waits until they are on their way.
func (c *nbdConn) send(values ...any) error {
	for _, v := range values {
		if err := binary.Write(c.w, binary.BigEndian, v); err != nil {
			return err
		}
	}
	return c.w.Flush()
}

func (c *nbdConn) receive(into any) error { return binary.Read(c.r, binary.BigEndian, into) }

// export is what a client is told of the disk.
func (c *nbdConn) export() []any {
	return []any{uint64(c.disk.size), uint16(hasFlags | sendFlush | sendFUA)}
}

func (c *nbdConn) negotiate() error {
	if err := c.send(uint64(nbdMagic), uint64(nbdOption), uint16(fixedNewstyle|noZeroes)); err != nil {
		return err
	}
	var flags uint32
	if err := c.receive(&flags); err != nil {
		return err
	}
	for {
		var option struct {
			Magic        uint64
			Option, Size uint32
		}
		if err := c.receive(&option); err != nil {
			return err
		}
		if option.Magic != nbdOption {
			return fmt.Errorf("an option begins with %x", option.Magic)
		}
		if _, err := c.r.Discard(int(option.Size)); err != nil { // the name of the export: there is one
			return err
		}
		if done, err := c.answer(option.Option); done || err != nil {
			return err
		}
	}
}

// answer answers an option; done ends the negotiation.
func (c *nbdConn) answer(option uint32) (done bool, err error) {
	reply := func(kind uint32, values ...any) error {
		size := 0
		for _, v := range values {
			size += binary.Size(v)
		}
		return c.send(append([]any{uint64(nbdReplyMagic), option, kind, uint32(size)}, values...)...)
	}
	switch option {
	case optionExportName:
		return true, c.send(c.export()...)
	case optionInfo, optionGo:
		err := reply(replyInfo, append([]any{uint16(0)}, c.export()...)...)
		return option == optionGo, errors.Join(err, reply(replyAck))
	case optionAbort:
		return true, errors.Join(reply(replyAck), io.EOF)
	}
	return false, reply(replyUnsupported)
}

func (c *nbdConn) serveOne() error {
	var request struct {
		Magic          uint32
		Flags, Command uint16
		Handle, Offset uint64
		Size           uint32
	}
	if err := c.receive(&request); err != nil {
		return err
	}
	if request.Magic != nbdRequest {
		return fmt.Errorf("a request begins with %x", request.Magic)
	}
	var data []byte
	if request.Command == commandRead || request.Command == commandWrite {
		data = make([]byte, request.Size)
	}
	status, err := c.perform(request.Command, request.Flags, int64(request.Offset), data)
	if err != nil {
		return err // also of a disk that stands still: an answer would be one too many
	}
	if status != 0 || request.Command == commandWrite {
		data = nil
	}
	return c.send(uint32(nbdReply), status, request.Handle, data)
}

// perform does what is asked. data is what is to be filled; a write's comes after its request.
func (c *nbdConn) perform(command, flags uint16, offset int64, data []byte) (status uint32, err error) {
	switch command {
	case commandRead:
		if _, err := c.disk.ReadAt(data, offset); err != nil {
			return ioError, nil
		}
	case commandWrite:
		if _, err := io.ReadFull(c.r, data); err != nil {
			return 0, err
		}
		if _, err := c.disk.WriteAt(data, offset); err != nil {
			return 0, err
		}
		if flags&forceUnitAccess != 0 {
			return 0, c.disk.Flush() // it may store more than that block, as a disk may at any time
		}
	case commandFlush:
		return 0, c.disk.Flush()
	case commandDisconnect:
		return 0, io.EOF
	default:
		return invalidArgument, nil
	}
	return 0, nil
}
