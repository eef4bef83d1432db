// Package deployment is what an image comes to on a host: the record of what a
// deployment puts there, where things are, and the compiler that turns an image, a
// request and facts about the host into a plan. It is pure: it reads the image and
// the host through interfaces, changes neither, and equal inputs have equal plans.
// How a host gets to a deployment and back is package install's to know.
package deployment
