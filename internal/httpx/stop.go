package httpx

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lastLook is how long an accept waits that empties the kernel's queue.
	lastLook = time.Millisecond
	// stopTimeout bounds how long Stop waits for the accepts before it closes the
	// socket all the same: at the limit of connections nobody accepts.
	stopTimeout = 100 * time.Millisecond
)

// Listener is what Listen returns. Its Stop ends it without harm to who has
// connected already.
type Listener struct {
	net.Listener

	stopper *stopListener
}

// Stop refuses new connections from now on. Those that wait in the kernel's queue
// are accepted first: closing the socket would reset them, after their clients
// have sent a request that nobody may repeat. Accept goes on, and returns nothing
// more, until Close.
func (l *Listener) Stop() { l.stopper.stop() }

// stopListener is a socket that can be stopped before it is closed.
type stopListener struct {
	*net.TCPListener

	stopping atomic.Bool
	stopped  chan struct{} // closed with the socket
	done     chan struct{} // closed by Close
	end      func()
	finish   func()
}

func newStopListener(tcp *net.TCPListener) *stopListener {
	l := &stopListener{TCPListener: tcp, stopped: make(chan struct{}), done: make(chan struct{})}
	l.end = sync.OnceFunc(func() {
		_ = tcp.Close() // it may be closed
		close(l.stopped)
	})
	l.finish = sync.OnceFunc(func() { close(l.done) })
	return l
}

// past is a deadline that wakes up whoever waits.
func past() time.Time { return time.Unix(1, 0) }

// Accept implements net.Listener.
func (l *stopListener) Accept() (net.Conn, error) {
	conn, err := l.TCPListener.Accept()
	if err == nil || !l.stopping.Load() {
		return conn, err
	}
	// A deadline that is past is looked at before the queue is: so look once more.
	if errors.Is(err, os.ErrDeadlineExceeded) && l.SetDeadline(time.Now().Add(lastLook)) == nil { //nolint:forbidigo // sockets go by the machine's clock
		if conn, err = l.TCPListener.Accept(); err == nil {
			return conn, l.SetDeadline(past())
		}
	}
	l.end()
	<-l.done
	return nil, net.ErrClosed
}

func (l *stopListener) stop() {
	l.stopping.Store(true)
	l.fill() // until the socket is closed, hardly any more come
	if l.SetDeadline(past()) == nil {
		timer := time.NewTimer(stopTimeout)
		defer timer.Stop()
		select {
		case <-l.stopped:
		case <-timer.C:
		}
	}
	l.end()
}

// fill makes the kernel's queue as short as can be: who connects is let wait, and
// refused when it asks again.
func (l *stopListener) fill() {
	raw, err := l.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { shorten(fd) }) // it goes on as it was
}

// Close implements net.Listener.
func (l *stopListener) Close() error {
	l.finish()
	err := l.TCPListener.Close()
	if l.stopping.Load() {
		return nil
	}
	return err
}
