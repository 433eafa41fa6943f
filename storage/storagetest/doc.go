// Package storagetest proves that a store keeps the promises of the ports it
// implements. Every store runs the same suite, whole: there are no options.
//
//	storage/redis ─┐              ┌─ every field comes back, filled by reflection
//	               ├─▶ Run(t, open) ─ a refused change leaves nothing, not even an event
//	storage/bolt  ─┘              ├─ what must happen once happens once under 1000 goroutines
//	                              └─ a list never misses what is there throughout
//
// The suite knows no store. It never waits: what depends on time is made of
// records whose times lie in the past or in the future of the store's clock.
package storagetest
