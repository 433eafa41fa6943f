package redis

import (
	"fmt"
	"strconv"

	goredis "github.com/redis/go-redis/v9"
)

// parcel is a change as it is remembered for a day: its keys and arguments, packed into one
// text, take half the memory that they take as values.
type parcel struct {
	what   string
	script *goredis.Script
	keys   int // of the texts; the others are arguments
	texts  int
	packed string
}

// parcel packs a change, as one that is repeated.
func (c *call) parcel() parcel {
	w := &writer{texts: make([]string, 0, len(c.keys)+len(c.args))}
	w.texts = append(w.texts, c.keys...)
	for i, arg := range c.args {
		switch arg := arg.(type) {
		case string:
			w.text(arg)
		case int:
			w.text(strconv.Itoa(arg))
		case int64:
			w.text(strconv.FormatInt(arg, 10))
		default:
			panic(fmt.Sprintf("redis: an argument of %s is a %T", c.what, arg))
		}
		if i == repeatedAt {
			w.texts[len(w.texts)-1] = "1"
		}
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
