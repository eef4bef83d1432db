#include "lazy.h"

#include <dlfcn.h>
#include <stddef.h>

static const char *const names[] = {
#define F(name) #name,
#include "lazy_symbols.h"
};

#define COUNT (sizeof names / sizeof *names)

void *sysc_entries[COUNT]; /* lazy_amd64.S jumps there */

const char *
sysc_load (void)
{
  void *library = dlopen ("libostree-1.so.1", RTLD_LAZY);

  if (library == NULL)
    return dlerror ();
  for (size_t i = 0; i < COUNT; i++)
    if ((sysc_entries[i] = dlsym (library, names[i])) == NULL)
      return dlerror ();
  return NULL;
}
