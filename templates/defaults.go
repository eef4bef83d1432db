package templates

import _ "embed" // for the default templates

//go:embed defaults/service.template
var defaultService string

// DefaultService returns the template of the unit for an image that says how
// its container runs but brings no service.template. The caller owns the bytes.
func DefaultService() []byte { return []byte(defaultService) }
