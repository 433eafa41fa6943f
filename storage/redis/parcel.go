package redis

import (
	"fmt"

	goredis "github.com/redis/go-redis/v9"
)

// parcel is a change as it is remembered for a day: its keys and arguments, packed into one
// text, take a third of the memory that they take as values.
type parcel struct {
	what   string
	script *goredis.Script
	keys   int // of the texts; the others are arguments
	texts  int
	packed string
}

// parcel returns a change that is to be repeated as such.
func (c *call) parcel() parcel {
	w := &writer{texts: make([]string, 0, len(c.keys)+len(c.args))}
	w.texts = append(w.texts, c.keys...)
	for i, arg := range c.args {
		text, ok := arg.(string)
		switch {
		case i == repeatedAt:
			text = "1"
		case !ok:
			text = fmt.Sprint(arg) // a whole number, as it is sent
		}
		w.text(text)
	}
	return parcel{what: c.what, script: c.script, keys: len(c.keys), texts: len(w.texts), packed: w.pack()}
}

// call returns the change anew.
func (p *parcel) call() call {
	r := unpack(p.packed)
	c := call{what: p.what, script: p.script, change: true, keys: make([]string, 0, p.keys), args: make([]any, 0, p.texts-p.keys)}
	for range p.keys {
		c.keys = append(c.keys, r.text())
	}
	for range p.texts - p.keys {
		c.args = append(c.args, r.text())
	}
	return c
}
