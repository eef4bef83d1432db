/* Loads libostree. Returns NULL, or why it cannot, in memory of the C library's. */
#pragma once

const char *sysc_load (void);
