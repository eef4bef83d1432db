package sampling_test

import (
	"testing"

	"github.com/syscontainer/syscontainer/tests/sampling"
)

func TestSpread(t *testing.T) {
	if got, want := sampling.SpreadOf([]int{9, 2, 1, 2, 8}), (sampling.Spread[int]{Median: 2, Min: 1, Max: 9}); got != want {
		t.Errorf("the spread is %+v, not %+v", got, want)
	}
}

func TestEachBeginsARound(t *testing.T) {
	list := []string{"a", "b", "c"}
	first := map[string]bool{}
	for round := range list {
		order := sampling.Rotated(list, round)
		if len(order) != len(list) {
			t.Fatalf("round %d has %q", round, order)
		}
		first[order[0]] = true
	}
	if len(first) != len(list) {
		t.Errorf("only %v ever begin", first)
	}
}

func TestRounds(t *testing.T) {
	for text, want := range map[string]int{"": 5, "7": 7} {
		if n, err := sampling.Rounds("BENCH_ROUNDS", text, 5); n != want || err != nil {
			t.Errorf("%q: %d rounds, %v", text, n, err)
		}
	}
	for _, text := range []string{"0", "-1", "many"} {
		if _, err := sampling.Rounds("BENCH_ROUNDS", text, 5); err == nil {
			t.Errorf("%q is taken for a number of rounds", text)
		}
	}
}
