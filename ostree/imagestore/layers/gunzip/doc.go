// Package gunzip decompresses gzip (RFC 1952, and RFC 1951 for what is in it), about twice as fast as
// the packages that there are: most of what a pull computes is this.
//
// It accepts what compress/gzip accepts, and refuses what that refuses; a fuzz target compares them. It is
// fast for four reasons: the next 56 bits of the input are always at hand in one word, tables give with one
// look a literal or the base and the extra bits of a length or distance, matches are copied in words, and
// nothing is read byte by byte.
package gunzip
