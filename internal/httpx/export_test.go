package httpx

import "net"

// FairListener is what Listen puts around a listener to give each peer its share.
func FairListener(listener net.Listener, most int, exempt TrustedProxies) net.Listener {
	return newFairListener(listener, most, exempt)
}
