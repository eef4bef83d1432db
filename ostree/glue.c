#include "glue.h"

#include <gio/gfiledescriptorbased.h>
#include <unistd.h>

/* The bytes are Go's and outlive the call: they are not copied. */
static GVariant *
borrow (const char *type, const void *data, gsize len)
{
  return g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE (type), data, len,
                                                      TRUE, NULL, NULL));
}

static GFileInfo *
file_info (guint32 uid, guint32 gid, guint32 mode, guint64 size, const char *target)
{
  GFileInfo *info = g_file_info_new ();
  g_file_info_set_attribute_uint32 (info, "unix::uid", uid);
  g_file_info_set_attribute_uint32 (info, "unix::gid", gid);
  g_file_info_set_attribute_uint32 (info, "unix::mode", mode);
  g_file_info_set_attribute_boolean (info, "standard::is-symlink", target != NULL);
  if (target != NULL)
    {
      g_file_info_set_file_type (info, G_FILE_TYPE_SYMBOLIC_LINK);
      g_file_info_set_attribute_byte_string (info, "standard::symlink-target", target);
    }
  else
    {
      g_file_info_set_file_type (info, G_FILE_TYPE_REGULAR);
      g_file_info_set_size (info, size);
    }
  return info;
}

/* The checksum was computed in Go: GLib's own SHA-256 does not use the
 * processor's instructions and is several times slower. */
gboolean
sysc_write_file (OstreeRepo *repo, const char *checksum, guint32 uid, guint32 gid,
                 guint32 mode, const void *xattrs, gsize xattrs_len, const char *target,
                 const void *data, gsize len, GCancellable *cancellable, GError **error)
{
  g_autoptr (GFileInfo) info = file_info (uid, gid, mode, len, target);
  g_autoptr (GVariant) attrs = borrow ("a(ayay)", xattrs, xattrs_len);
  g_autoptr (GInputStream) content = NULL;
  g_autoptr (GInputStream) object = NULL;
  guint64 object_len = 0;

  if (target == NULL)
    content = g_memory_input_stream_new_from_data (data, len, NULL);
  if (!ostree_raw_file_to_content_stream (content, info, attrs, &object, &object_len,
                                          cancellable, error))
    return FALSE;
  return ostree_repo_write_content_trusted (repo, checksum, object, object_len,
                                            cancellable, error);
}

OstreeContentWriter *
sysc_stream_open (OstreeRepo *repo, guint32 uid, guint32 gid, guint32 mode, guint64 len,
                  const void *xattrs, gsize xattrs_len, GError **error)
{
  g_autoptr (GVariant) attrs = borrow ("a(ayay)", xattrs, xattrs_len);
  return ostree_repo_write_regfile (repo, NULL, uid, gid, mode, len, attrs, error);
}

gboolean
sysc_stream_write (OstreeContentWriter *writer, const void *data, gsize len,
                   GCancellable *cancellable, GError **error)
{
  gsize written = 0;
  return g_output_stream_write_all (G_OUTPUT_STREAM (writer), data, len, &written,
                                    cancellable, error);
}

char *
sysc_stream_finish (OstreeContentWriter *writer, GCancellable *cancellable, GError **error)
{
  return ostree_content_writer_finish (writer, cancellable, error);
}

void
sysc_stream_free (OstreeContentWriter *writer)
{
  g_object_unref (writer);
}

static const char *
metadata_type (OstreeObjectType type)
{
  return type == OSTREE_OBJECT_TYPE_DIR_TREE ? "(a(say)a(sayay))" : "(uuua(ayay))";
}

gboolean
sysc_write_metadata (OstreeRepo *repo, OstreeObjectType type, const char *checksum,
                     const void *data, gsize len, GCancellable *cancellable, GError **error)
{
  g_autoptr (GVariant) object = borrow (metadata_type (type), data, len);
  return ostree_repo_write_metadata (repo, type, checksum, object, NULL, cancellable, error);
}

void
sysc_dict_add (GVariantDict *dict, const char *key, const void *data, gsize len)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, len);
  g_variant_dict_insert_value (dict, key,
                               g_variant_new_from_bytes (G_VARIANT_TYPE ("ay"), bytes, TRUE));
}

char *
sysc_write_commit (OstreeRepo *repo, const char *subject, GVariantDict *metadata,
                   const char *contents, const char *dirmeta, guint64 time,
                   GCancellable *cancellable, GError **error)
{
  g_autoptr (GVariant) dict = g_variant_ref_sink (g_variant_dict_end (metadata));
  g_autoptr (OstreeMutableTree) tree
      = ostree_mutable_tree_new_from_checksum (repo, contents, dirmeta);
  g_autoptr (GFile) root = NULL;
  char *commit = NULL;

  if (!ostree_repo_write_mtree (repo, tree, &root, cancellable, error))
    return NULL;
  if (!ostree_repo_write_commit_with_time (repo, NULL, subject, NULL, dict,
                                           OSTREE_REPO_FILE (root), time, &commit,
                                           cancellable, error))
    return NULL;
  return commit;
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
