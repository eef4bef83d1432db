#include "glue.h"

#include <gio/gfiledescriptorbased.h>
#include <unistd.h>

void
sysc_dict_add (GVariantDict *dict, const char *key, const void *data, gsize len)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, len);
  g_variant_dict_insert_value (dict, key,
                               g_variant_new_from_bytes (G_VARIANT_TYPE ("ay"), bytes, TRUE));
}

/* What ostree_repo_write_commit_with_time writes of a commit without a parent and a body. */
GBytes *
sysc_commit_object (const char *subject, GVariantDict *metadata, const char *contents,
                    const char *dirmeta, guint64 time)
{
  g_autoptr (GVariant) commit = g_variant_ref_sink (g_variant_new (
      "(@a{sv}@ay@a(say)sst@ay@ay)", g_variant_dict_end (metadata),
      g_variant_new_from_data (G_VARIANT_TYPE ("ay"), NULL, 0, TRUE, NULL, NULL),
      g_variant_new_array (G_VARIANT_TYPE ("(say)"), NULL, 0), subject, "",
      GUINT64_TO_BE (time), ostree_checksum_to_bytes_v (contents),
      ostree_checksum_to_bytes_v (dirmeta)));
  return g_variant_get_data_as_bytes (commit);
}

GBytes *
sysc_load_metadata (OstreeRepo *repo, OstreeObjectType type, const char *checksum,
                    GError **error)
{
  g_autoptr (GVariant) object = NULL;
  if (!ostree_repo_load_variant (repo, type, checksum, &object, error))
    return NULL;
  return g_variant_get_data_as_bytes (object);
}

GBytes *
sysc_commit_value (GVariant *commit, const char *key)
{
  g_autoptr (GVariant) metadata = g_variant_get_child_value (commit, 0);
  g_autoptr (GVariant) value
      = g_variant_lookup_value (metadata, key, G_VARIANT_TYPE ("ay"));
  return value == NULL ? NULL : g_variant_get_data_as_bytes (value);
}

GBytes *
sysc_commit_sum (GVariant *commit, guint index)
{
  g_autoptr (GVariant) sum = g_variant_get_child_value (commit, index);
  return g_variant_get_data_as_bytes (sum);
}

gboolean
sysc_load_file (OstreeRepo *repo, const char *checksum, SyscFile *file,
                GCancellable *cancellable, GError **error)
{
  g_autoptr (GInputStream) content = NULL;
  g_autoptr (GFileInfo) info = NULL;
  g_autoptr (GVariant) xattrs = NULL;

  if (!ostree_repo_load_file (repo, checksum, &content, &info, &xattrs, cancellable, error))
    return FALSE;
  file->uid = g_file_info_get_attribute_uint32 (info, "unix::uid");
  file->gid = g_file_info_get_attribute_uint32 (info, "unix::gid");
  file->mode = g_file_info_get_attribute_uint32 (info, "unix::mode");
  file->fd = -1;
  if (g_file_info_get_file_type (info) == G_FILE_TYPE_SYMBOLIC_LINK)
    file->target = g_strdup (g_file_info_get_symlink_target (info));
  else
    file->size = g_file_info_get_size (info);
  if (content != NULL && G_IS_FILE_DESCRIPTOR_BASED (content))
    file->fd = fcntl (g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (content)),
                      F_DUPFD_CLOEXEC, 3);
  file->xattrs = g_variant_get_data_as_bytes (xattrs);
  return TRUE;
}

/* One line for each ref: its name, a space, the commit. */
char *
sysc_list_refs (OstreeRepo *repo, GCancellable *cancellable, GError **error)
{
  g_autoptr (GHashTable) refs = NULL;
  GHashTableIter iter;
  gpointer name, commit;

  if (!ostree_repo_list_refs_ext (repo, NULL, &refs, OSTREE_REPO_LIST_REFS_EXT_EXCLUDE_REMOTES,
                                  cancellable, error))
    return NULL;
  g_autoptr (GString) lines = g_string_new (NULL);
  g_hash_table_iter_init (&iter, refs);
  while (g_hash_table_iter_next (&iter, &name, &commit))
    g_string_append_printf (lines, "%s %s\n", (char *) name, (char *) commit);
  return g_string_free (g_steal_pointer (&lines), FALSE);
}

gboolean
sysc_checkout (OstreeRepo *repo, const char *commit, const char *dir,
               gboolean links_only, GCancellable *cancellable, GError **error)
{
  OstreeRepoCheckoutAtOptions options = {
    .mode = OSTREE_REPO_CHECKOUT_MODE_NONE,
    .overwrite_mode = OSTREE_REPO_CHECKOUT_OVERWRITE_NONE,
    .no_copy_fallback = links_only,
  };
  return ostree_repo_checkout_at (repo, &options, AT_FDCWD, dir, commit, cancellable, error);
}

const char *
sysc_error_domain (const GError *error)
{
  return g_quark_to_string (error->domain);
}
