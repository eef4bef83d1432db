package templates

import _ "embed" // for the default templates

//go:embed defaults/service.template
var defaultService string

// DefaultService returns the template of the unit for an image that says how
// its container runs but brings no service.template. The caller owns the bytes.
func DefaultService() []byte { return []byte(defaultService) }

//go:embed defaults/plain.service
var plainService string

// PlainService returns the template of the unit for an image that says nothing of how
// it is to run: what a network service needs, and no devices but the harmless ones.
// The caller owns the bytes.
func PlainService() []byte { return []byte(plainService) }
