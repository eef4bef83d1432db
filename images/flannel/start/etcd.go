package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	etcd "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// client is etcd, and where in it flanneld looks.
type client struct {
	etcd *etcd.Client
	key  string
}

// connect takes the settings that are flanneld's own. It does not wait for etcd. Close the client.
func connect(env func(string) string) (*client, error) {
	settings, err := tlsConfig(env)
	if err != nil {
		return nil, err
	}
	c, err := etcd.New(etcd.Config{
		Endpoints: strings.Split(env("FLANNELD_ETCD_ENDPOINTS"), ","),
		TLS:       settings,
		Logger:    zap.NewNop(), // what fails is an error that we tell of
	})
	if err != nil {
		return nil, fmt.Errorf("preparing to talk to etcd: %w", err)
	}
	return &client{etcd: c, key: env("FLANNELD_ETCD_PREFIX") + "/config"}, nil
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

func (c *client) close() { _ = c.etcd.Close() }

// putUntilThere puts the value where flanneld looks, unless there is one: it returns that, or "" if it was put. One
// transaction decides, so that of several hosts one puts and all see the same.
func (c *client) putUntilThere(ctx context.Context, value string) (found string, err error) {
	err = retry(ctx, func(ctx context.Context) error {
		answer, err := c.etcd.Txn(ctx).
			If(etcd.Compare(etcd.CreateRevision(c.key), "=", 0)).
			Then(etcd.OpPut(c.key, value)).
			Else(etcd.OpGet(c.key)).
			Commit()
		if err != nil {
			return fmt.Errorf("%s: %w", strings.Join(c.etcd.Endpoints(), ", "), err)
		}
		if answer.Succeeded {
			return nil
		}
		if kvs := answer.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
			found = string(kvs[0].Value)
		}
		return nil
	})
	return found, err
}
