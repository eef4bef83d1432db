// Package sampling is what the benchmarks of this project have in common: how often, in which order, and what is said of
// several measurements of one thing.
package sampling

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// Rounds reads how often everything is measured, from the text of an environment variable of that name.
func Rounds(variable, text string, usually int) (int, error) {
	if text == "" {
		return usually, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s is %q, not a number of rounds", variable, text)
	}
	return n, nil
}

// Spread is what is reported of several measurements.
type Spread[T cmp.Ordered] struct{ Median, Min, Max T }

// SpreadOf summarizes measurements, of which there is at least one.
func SpreadOf[T cmp.Ordered](values []T) Spread[T] {
	sorted := slices.Sorted(slices.Values(values))
	return Spread[T]{Median: sorted[len(sorted)/2], Min: sorted[0], Max: sorted[len(sorted)-1]}
}

// Rotated begins with another element in each round, so that nobody always comes after the same.
func Rotated[T any](list []T, round int) []T {
	n := round % len(list)
	return slices.Concat(list[n:], list[:n])
}

// Verdict says whether a target is met.
func Verdict[T cmp.Ordered](is, most T) string {
	if is <= most {
		return "met"
	}
	return "missed"
}
