package imagestore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containers/image/v5/signature"
)

const policyFile = "etc/containers/policy.json"

// policyPath is where the rules are about which images may be pulled: where the
// options say, or in the user's or the host's configuration.
func (s *system) policyPath() string {
	if s.SignaturePolicyPath != "" {
		return s.SignaturePolicyPath
	}
	if home, err := os.UserHomeDir(); err == nil {
		own := filepath.Join(home, ".config/containers/policy.json")
		if _, err := os.Stat(own); err == nil {
			return own
		}
	}
	return "/" + policyFile
}

// policy reads the rules. The caller destroys the context.
func (s *system) policy() (*signature.PolicyContext, error) {
	path := s.policyPath()
	text, err := readRegular(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPolicy, err)
	}
	policy, err := signature.NewPolicyFromBytes(text)
	if err == nil && path == s.rootPolicy {
		policy, err = rebasePolicy(text, s.root)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: reading %s: %w", ErrNoPolicy, path, err)
	}
	return signature.NewPolicyContext(policy)
}

// readRegular reads a file that must be one: reading a pipe might take for ever.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// rebasePolicy is the policy of the host below root, whose keys are there, too.
// The text is a policy that was read without an error.
func rebasePolicy(text []byte, root string) (*signature.Policy, error) {
	var policy any
	if err := json.Unmarshal(text, &policy); err != nil {
		return nil, err
	}
	policy, err := rebase(policy, root)
	if err != nil {
		return nil, err
	}
	text, err = json.Marshal(policy)
	if err != nil {
		return nil, err
	}
	return signature.NewPolicyFromBytes(text)
}

// rebase puts every file that a part of a policy names below root.
func rebase(part any, root string) (_ any, err error) {
	switch part := part.(type) {
	case []any:
		for i := range part {
			if part[i], err = rebase(part[i], root); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key, value := range part {
			change := rebase
			switch key {
			case "keyPath", "keyPaths", "caPath", "caRootsPath", "caIntermediatesPath", "rekorPublicKeyPath", "rekorPublicKeyPaths":
				change = allBelow
			}
			if part[key], err = change(value, root); err != nil {
				return nil, err
			}
		}
	}
	return part, nil
}

// allBelow is a path, or several, below root.
func allBelow(value any, root string) (_ any, err error) {
	switch value := value.(type) {
	case string:
		return below(root, value)
	case []any:
		for i := range value {
			if value[i], err = allBelow(value[i], root); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}
