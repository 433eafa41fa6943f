// Package console uses the web console of the built binary as people do, in a real
// Chromium: their flows, every page in every theme and width, and what must not stay
// behind.
package console
