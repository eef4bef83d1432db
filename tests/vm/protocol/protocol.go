// Package protocol is what a virtual machine's agent and the machine around it say to each other, in JSON.
package protocol

// Hello is the first thing that an agent says.
const Hello = "hello"

// Request is a command to run.
type Request struct {
	Argv []string `json:"argv"`
}

// Reply is what it said and how it ended.
type Reply struct {
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	Code   int    `json:"code"`
}
