/* Helpers that spare crossings between Go and C. Each returns FALSE (or NULL)
 * with *error set when libostree did. Nothing here keeps state. */
#pragma once
#include <fcntl.h>
#include <ostree.h>

typedef struct {
  guint32 uid, gid, mode;
  guint64 size;
  char *target;   /* of a symlink, else NULL; g_free */
  GBytes *xattrs; /* a(ayay) */
  int fd;         /* the content of a regular file, else -1; close */
} SyscFile;

GBytes *sysc_commit_object (const char *subject, GVariantDict *metadata,
                            const char *contents, const char *dirmeta, guint64 time);
void sysc_dict_add (GVariantDict *dict, const char *key, const void *data, gsize len);

GBytes *sysc_load_metadata (OstreeRepo *repo, OstreeObjectType type,
                            const char *checksum, GError **error);
GBytes *sysc_commit_value (GVariant *commit, const char *key);
GBytes *sysc_commit_sum (GVariant *commit, guint index);
gboolean sysc_load_file (OstreeRepo *repo, const char *checksum, SyscFile *file,
                         GCancellable *cancellable, GError **error);

char *sysc_list_refs (OstreeRepo *repo, GCancellable *cancellable, GError **error);
gboolean sysc_checkout (OstreeRepo *repo, const char *commit, const char *dir,
                        gboolean links_only, GCancellable *cancellable, GError **error);
const char *sysc_error_domain (const GError *error);
