package revocations_test

import (
	"strconv"
	"testing"
	"time"
)

// BenchmarkAsk is one who asks for all of the window: an answer that others have had, and
// one after something has ended.
func BenchmarkAsk(b *testing.B) {
	for _, entries := range []int{100, 100_000} {
		for name, fresh := range map[string]bool{"again": false, "after an end": true} {
			b.Run(strconv.Itoa(entries)+"/"+name, func(b *testing.B) {
				w := newWorld(b)
				for i := range entries {
					w.end(token(strconv.Itoa(i), 1))
				}
				now := time.Now()
				feed := w.feedAt(func() time.Time { return now })
				read(b, ask(feed, 0))
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if fresh {
						b.StopTimer()
						w.end(jwt(strconv.Itoa(i)))
						now = now.Add(time.Second)
						b.StartTimer()
					}
					if got := ask(feed, 0); got.Code != 200 {
						b.Fatal(got.Code)
					}
				}
			})
		}
	}
}
