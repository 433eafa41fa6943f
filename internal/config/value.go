package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// parse reads the text of a variable, a flag, a default or a scalar in the
// file. Relative paths are taken from base. The result is what the merger
// holds: string, int64, float64, bool, time.Duration or []string.
func (s setting) parse(text, base string) (any, *fault) {
	if f := checkPrintable(text); f != nil {
		return nil, f
	}
	switch s.kind {
	case kindText:
		return s.parseText(text)
	case kindPath:
		return absolute(base, text), nil
	case kindStoreURL:
		u, f := parseStoreURL(text)
		if f != nil {
			return nil, f
		}
		if u.Kind == KindBolt {
			u.Path = absolute(base, u.Path)
		}
		return u.String(), nil
	case kindInteger:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, &fault{"is not a whole number", s.boundsFix()}
		}
		return n, s.checkBounds(n)
	case kindRatio:
		ratio, err := strconv.ParseFloat(text, 64)
		if err != nil || !(ratio >= 0 && ratio <= 1) { // NaN is not
			return nil, notRatio()
		}
		return ratio, nil
	case kindBoolean:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, &fault{"is neither true nor false", "write true or false"}
		}
		return b, nil
	case kindDuration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, &fault{"is not a duration", "write a number with its unit (h, m, s), such as 720h or 15m"}
		}
		return d, s.checkBounds(int64(d))
	case kindPairs:
		return parsePairs(text)
	default:
		return s.parseList(splitList(text), base)
	}
}

func notRatio() *fault {
	return &fault{"is not a number from 0 to 1", "write such as 0.01, for one in a hundred"}
}

func (s setting) parseText(text string) (any, *fault) {
	if len(s.oneOf) > 0 && !slices.Contains(s.oneOf, text) {
		return nil, &fault{"is not one of the known values", "write one of " + strings.Join(s.oneOf, ", ")}
	}
	return text, nil
}

// parseList checks the items of a list of any kind.
func (s setting) parseList(items []string, base string) (any, *fault) {
	out := make([]string, 0, len(items))
	for _, item := range items {
		if f := checkPrintable(item); f != nil {
			return nil, f
		}
		if item == "" {
			return nil, &fault{"has an empty item", "remove it"}
		}
		if s.kind == kindNetworks {
			network, f := parseNetwork(item)
			if f != nil {
				return nil, f
			}
			item = network.String()
		}
		if s.kind == kindPaths {
			item = absolute(base, item)
		}
		if slices.Contains(out, item) {
			return nil, &fault{"has the same item twice", "remove one"}
		}
		out = append(out, item)
	}
	return out, nil
}

// splitList reads a comma-separated list; empty text is the empty list.
func splitList(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

func (s setting) checkBounds(n int64) *fault {
	if s.min == s.max || (n >= s.min && n <= s.max) {
		return nil
	}
	return &fault{"is out of bounds", s.boundsFix()}
}

func (s setting) boundsFix() string {
	if s.kind == kindDuration {
		if s.min == 1 {
			return fmt.Sprintf("write a duration above 0 and up to %s", shortDuration(s.max))
		}
		return fmt.Sprintf("write a duration from %s to %s", shortDuration(s.min), shortDuration(s.max))
	}
	fix := fmt.Sprintf("write a whole number from %d to %d", s.min, s.max)
	if s.unit != "" {
		fix += " (" + s.unit + ")"
	}
	return fix
}

// shortDuration prints 24h0m0s as 24h.
func shortDuration(ns int64) string {
	text := time.Duration(ns).String()
	text = strings.TrimSuffix(text, "0s")
	if hours, ok := strings.CutSuffix(text, "h0m"); ok {
		return hours + "h"
	}
	return text
}

func checkPrintable(text string) *fault {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return &fault{"has control characters or is not UTF-8", "write it in printable characters"}
	}
	return nil
}

// absolute resolves p from base, itself absolute; no path stays none.
func absolute(base, p string) string {
	if p == "" {
		return ""
	}
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(base, p)
}

// parseNetwork reads a CIDR or a single address. It refuses what would never
// match, or match more than it seems to: host bits, zones, IPv4 in IPv6.
func parseNetwork(text string) (netip.Prefix, *fault) {
	network, err := netip.ParsePrefix(text)
	if err != nil {
		addr, addrErr := netip.ParseAddr(text)
		if addrErr != nil || addr.Zone() != "" {
			return netip.Prefix{}, &fault{"is not a network", "write networks such as 10.0.0.0/8 or 2001:db8::/32"}
		}
		network = netip.PrefixFrom(addr, addr.BitLen())
	}
	if network.Addr().Is4In6() {
		return netip.Prefix{}, &fault{"has an IPv4 network written as IPv6", "write it as IPv4, such as 10.0.0.0/8"}
	}
	if network != network.Masked() {
		return netip.Prefix{}, &fault{"has bits set beyond the length of the network", "write the network's first address, such as 10.0.0.0/8"}
	}
	return network, nil
}

// asError turns a fault into an error below sentinel.
func (f *fault) asError(sentinel error) error {
	if f == nil {
		return nil
	}
	return fmt.Errorf("%w: %s; %s", sentinel, f.cause, f.fix)
}
