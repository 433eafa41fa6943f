// Package plain owns which text shows what it is: no character in it steers what
// reads it, and in a name none hides that it is another one.
//
// It refuses to know fields and their limits; who asks has rules and words of its
// own.
package plain
