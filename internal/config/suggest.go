package config

import "strings"

// didYouMean returns the fix for an unknown name: the nearest known one, if any
// is near enough, else otherwise.
func didYouMean(name string, known []string, otherwise string) string {
	best, bestDistance := "", 2+len(name)/4
	for _, candidate := range known {
		d := distance(strings.ToLower(name), strings.ToLower(candidate))
		if lastPart(name) == lastPart(candidate) {
			d = min(d, 1)
		}
		if d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	if best == "" {
		return otherwise
	}
	return "did you mean " + best + "?"
}

func lastPart(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// distance is the Levenshtein distance, in bytes. Names longer than any known
// one are far from all of them, whatever they hold.
func distance(a, b string) int {
	const longest = 100
	if len(a) > longest {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
