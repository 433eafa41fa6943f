// Package browser lets a test use a web page as a person does, in a real Chromium,
// and fails it on what the person would not see.
//
//	Main ──▶ runs the tests, ends the one Chromium, searches its profile for canaries
//	Open ──▶ Page: a tab in a window without a past (or a Chromium of its own)
//	           ├─ Goto, Click, Fill, Press, Back … ─▶ DevTools: real input events
//	           ├─ RequireAccessible ─▶ axe-core, light and dark; contrast by pixels where axe cannot tell
//	           ├─ RequireLayout ─────▶ scrolling, clipping, overlaps, target sizes, shifts
//	           ├─ RequireNowhere ────▶ a secret that was shown is in no page, store, cache or file
//	           └─ end of the test ───▶ fails on what the page did wrong meanwhile:
//	                CSP violations, uncaught exceptions, console errors, failed or
//	                cross-origin requests, windows and dialogs that nobody expected
//
// Elements are found by their accessible name, as a screen reader tells it, and
// else by a CSS selector; an action waits until exactly one element is there and
// nothing covers it, and returns when the page has settled. No method sleeps; a wait
// for an element ends after ten seconds, and one for the browser after thirty.
//
// Scripts of this package run in a world of their own inside the page: neither its
// Content-Security-Policy nor its scripts see them. Chromium is driven over a pipe,
// so nobody else can drive it and it ends with the process of the test; it resolves
// no name but localhost, so a test cannot reach the network by accident.
//
// The package knows nothing of the console: paths, texts and flows are its callers'.
package browser
