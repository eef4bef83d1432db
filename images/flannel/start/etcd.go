package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	etcd "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

// client is etcd, and where in it flanneld looks.
type client struct {
	endpoints []string
	tls       *tls.Config
	key       string
}

// newClient takes the settings that are flanneld's own. It does not talk to etcd.
func newClient(env func(string) string) (client, error) {
	settings, err := tlsConfig(env)
	return client{
		endpoints: strings.Split(env("FLANNELD_ETCD_ENDPOINTS"), ","),
		tls:       settings,
		key:       env("FLANNELD_ETCD_PREFIX") + "/config",
	}, err
}

// tlsConfig is nil where no file is named.
func tlsConfig(env func(string) string) (*tls.Config, error) {
	info := transport.TLSInfo{
		CertFile:      env("FLANNELD_ETCD_CERTFILE"),
		KeyFile:       env("FLANNELD_ETCD_KEYFILE"),
		TrustedCAFile: env("FLANNELD_ETCD_CAFILE"),
	}
	if info.CertFile == "" && info.KeyFile == "" && info.TrustedCAFile == "" {
		return nil, nil
	}
	settings, err := info.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the certificates for etcd: %w", err)
	}
	return settings, nil
}

// putUntilThere puts the value where flanneld looks, unless there is one: it returns that, or "" if it was put.
func (c client) putUntilThere(ctx context.Context, value string) (found string, err error) {
	err = retry(ctx, func(ctx context.Context) error {
		if found, err = c.put(ctx, value); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(c.endpoints, ", "), err)
		}
		return nil
	})
	return found, err
}

// put is one attempt. One transaction decides, so that of several hosts one puts and all see the same.
func (c client) put(ctx context.Context, value string) (found string, err error) {
	connection, err := c.connect(ctx)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	answer, err := connection.Txn(ctx).
		If(etcd.Compare(etcd.CreateRevision(c.key), "=", 0)).
		Then(etcd.OpPut(c.key, value)).
		Else(etcd.OpGet(c.key)).
		Commit()
	if err != nil || answer.Succeeded {
		return "", err
	}
	if kvs := answer.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		found = string(kvs[0].Value)
	}
	return found, nil
}

// connect waits for one of the endpoints. Each attempt has a connection of its own: one that has failed for long is tried
// again after minutes only.
func (c client) connect(ctx context.Context) (*etcd.Client, error) {
	return etcd.New(etcd.Config{
		Context:     ctx,
		Endpoints:   c.endpoints,
		TLS:         c.tls,
		DialTimeout: patience - time.Second,
		DialOptions: []grpc.DialOption{
			//lint:ignore SA1019 without it, all that is said of a certificate that etcd does not take is that it took too long
			grpc.WithBlock(), grpc.WithReturnConnectionError(),
		},
		Logger: zap.NewNop(), // what fails is an error that we tell of
	})
}
