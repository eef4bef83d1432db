package deployment

// Plan is a change that was thought through and not yet begun. It is plain data:
// equal requests on equal hosts have equal plans.
type Plan struct {
	From *Record `json:"-"`
	To   *Record `json:"-"`
	// Rendered are the files that staging writes into the deployment.
	Rendered []RenderedFile `json:"-"`
	Warnings []string       `json:"-"`
	// Secret are the variables that the image of To calls secret.
	Secret []string `json:"-"`
	// Before is how the units of From are.
	Before Situation `json:"-"`

	// What the plan comes to on this host, for people and for those who carry it out.
	Outline
}

// Outline is what carrying out a plan does. Its JSON keys are never renamed.
type Outline struct {
	// Files are those of the host that change or are kept from it, and config.json.
	Files []FileChange `json:"files"`
	// Restarts are the units that are restarted or started, in this order, and Stops
	// those that are stopped for good.
	Restarts []string `json:"restarts"`
	Stops    []string `json:"stops"`
	// Retires are the deployments that are removed.
	Retires []int `json:"retires"`
	// Purges are the directories that are removed with all that the service kept there.
	Purges []string `json:"purges"`
	// Download is how many bytes of layers come from the registry.
	Download int64 `json:"download"`
}

// Situation is how units were at one moment.
type Situation struct {
	Boot    string   `json:"boot,omitempty"` // of the machine; after another, nothing is as it was
	Active  []string `json:"active,omitempty"`
	Enabled []string `json:"enabled,omitempty"`
}

// RenderedFile is a file of a deployment that does not come from the image as
// it is.
type RenderedFile struct {
	Path string // relative to the deployment
	Data []byte
	Mode Mode
}
