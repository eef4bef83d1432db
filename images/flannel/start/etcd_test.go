package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		begin := time.Now()
		err := retry(t.Context(), func(ctx context.Context) error {
			if tries++; tries == 1 {
				<-ctx.Done() // an etcd that does not answer
				return ctx.Err()
			}
			if tries == 2 {
				return errors.New("no leader")
			}
			return nil
		})
		if took := time.Since(begin); err != nil || tries != 3 || took != 5*time.Second {
			t.Errorf("%v after %d tries in %v", err, tries, took)
		}
	})
}

func TestRetryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, stop)
		err := retry(ctx, func(context.Context) error { return errors.New("no etcd") })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
