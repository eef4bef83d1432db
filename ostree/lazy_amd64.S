/* A function of libostree is here a jump to where sysc_load found it. Nobody but this
 * program sees these names: libraries that call each other do it without a detour. */
	.macro entry name
	.globl	\name
	.hidden	\name
	.type	\name, @function
\name:
	jmp	*(sysc_entries + 8 * \@)(%rip)
	.size	\name, . - \name
	.endm

	.text
#define F(name) entry name
#include "lazy_symbols.h"
	.section .note.GNU-stack, "", @progbits
