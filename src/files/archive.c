/* .keras archives: ZIP by libzip, which only this file includes. */
#include "files/archive.h"
#include "core/memory.h"
#include "files/file.h"

#ifdef ANTLER_WITH_ZIP

#include <string.h>
#include <sys/stat.h>
#include <zip.h>

/* Keras's own bounds, and how little compressed data they do not apply to. */
enum { MAX_RATIO = 100, MAX_MEMBERS = 1 << 16, FREE_BYTES = 1 << 16 };
static const zip_uint64_t max_bytes = (zip_uint64_t)4 << 30;

static antler_status fail(antler_status status, const char *place, zip_error_t *error, antler_error *err)
{
    antler_error_set(err, status, place, "%s", zip_error_strerror(error));
    zip_error_fini(error);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static antler_status check_method(zip_uint16_t method, const char *name, antler_error *err)
{
    static const struct {
        zip_uint16_t method;
        const char *name;
    } names[] = {{9, "deflate64"}, {12, "bzip2"}, {14, "lzma"}, {93, "zstd"}, {95, "xz"}};
    const char *own = "an unknown method";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        own = names[i].method == method ? names[i].name : own;
    if (method == ZIP_CM_STORE || method == ZIP_CM_DEFLATE)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_UNSUPPORTED, name, "compressed by %s (method %d); expected stored or deflated",
                            own, method);
}

static antler_status check_size(const zip_stat_t *info, zip_uint64_t file_bytes, const char *name, antler_error *err)
{
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((info->valid & needed) != needed)
        return antler_error_set(err, ANTLER_FORMAT, name, "a member without its size: damaged");
    if (info->encryption_method != ZIP_EM_NONE)
        return antler_error_set(err, ANTLER_UNSUPPORTED, name, "encrypted");
    ANTLER_TRY(check_method(info->comp_method, name, err));
    if (info->comp_size > file_bytes)
        return antler_error_set(err, ANTLER_FORMAT, name, "%llu stored bytes in a file of %llu: damaged",
                                (unsigned long long)info->comp_size, (unsigned long long)file_bytes);
    if (info->size > max_bytes || (info->size > FREE_BYTES && info->size / MAX_RATIO > info->comp_size))
        return antler_error_set(err, ANTLER_FORMAT, name,
                                "%llu bytes from %llu stored ones, expected at most 4 GiB and %d "
                                "times as many",
                                (unsigned long long)info->size, (unsigned long long)info->comp_size, MAX_RATIO);
    return ANTLER_OK;
}

/* To the end of the member, where libzip compares the checksum. */
static bool read_bytes(zip_file_t *file, char *data, zip_uint64_t size)
{
    zip_uint64_t used = 0;
    zip_int64_t n = 1;
    while (used < size && (n = zip_fread(file, data + used, size - used)) > 0)
        used += (zip_uint64_t)n;
    char beyond;
    return n > 0 && used == size && zip_fread(file, &beyond, 1) == 0;
}

static antler_status read_member(zip_t *archive, zip_uint64_t index, zip_uint64_t file_bytes, antler_member *member,
                                 antler_error *err)
{
    zip_stat_t info;
    zip_stat_init(&info);
    if (zip_stat_index(archive, index, 0, &info) != 0)
        return fail(ANTLER_FORMAT, member->name, zip_get_error(archive), err);
    ANTLER_TRY(check_size(&info, file_bytes, member->name, err));
    if (member->most && info.size > member->most)
        return antler_error_set(err, ANTLER_FORMAT, member->name, "%llu bytes, expected at most %zu",
                                (unsigned long long)info.size, member->most);
    zip_file_t *file = zip_fopen_index(archive, index, 0);
    if (!file)
        return fail(ANTLER_FORMAT, member->name, zip_get_error(archive), err);
    antler_status status = ANTLER_OK;
    char *data = antler__allocate((size_t)info.size + 1, 1);
    if (!data)
        status = antler_error_set(err, ANTLER_MEMORY, member->name, "out of memory (%llu bytes)",
                                  (unsigned long long)info.size);
    else if (!read_bytes(file, data, info.size))
        status = antler_error_set(err, ANTLER_FORMAT, member->name, "damaged or cut short");
    zip_fclose(file);
    if (status != ANTLER_OK) {
        antler__free(data);
        return status;
    }
    data[info.size] = '\0';
    member->data = data;
    member->bytes = (size_t)info.size;
    return ANTLER_OK;
}

/* Whether a path leads out of the folder that the archive would be unpacked in. */
static bool leads_out(const char *name)
{
    if (*name == '/' || *name == '\\' || (*name && name[1] == ':'))
        return true;
    for (const char *part = name; part; part = strpbrk(part, "/\\")) {
        part += part != name;
        if (part[0] == '.' && part[1] == '.' && (!part[2] || part[2] == '/' || part[2] == '\\'))
            return true;
    }
    return false;
}

static antler_status read_members(zip_t *archive, zip_uint64_t file_bytes, antler_member *member, int members,
                                  antler_error *err)
{
    zip_int64_t n = zip_get_num_entries(archive, 0);
    if (n < 0 || n > MAX_MEMBERS)
        return antler_error_set(err, ANTLER_FORMAT, NULL, "an archive of more than %d members", MAX_MEMBERS);
    for (zip_uint64_t i = 0; i < (zip_uint64_t)n; i++) {
        const char *name = zip_get_name(archive, i, 0);
        if (name && leads_out(name))
            return antler_error_set(err, ANTLER_FORMAT, name,
                                    "a member that would lie outside of the archive's folder");
        for (int m = 0; name && m < members; m++) {
            if (strcmp(name, member[m].name) != 0)
                continue;
            if (member[m].refused)
                return antler_error_set(err, ANTLER_UNSUPPORTED, name, "%s", member[m].refused);
            if (member[m].data) /* readers differ in which of the two they take */
                return antler_error_set(err, ANTLER_FORMAT, name, "a member that occurs twice");
            ANTLER_TRY(read_member(archive, i, file_bytes, &member[m], err));
        }
    }
    return ANTLER_OK;
}

static antler_status open_archive(const char *path, zip_t **archive, zip_uint64_t *bytes, antler_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return antler__file_error(path, "open", err);
    if (!S_ISREG(info.st_mode))
        return antler_error_set(err, ANTLER_FILE, NULL, "not a regular file");
    int code;
    *bytes = (zip_uint64_t)info.st_size;
    *archive = zip_open(path, ZIP_RDONLY, &code);
    if (*archive)
        return ANTLER_OK;
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    antler_error_set(err, code == ZIP_ER_OPEN || code == ZIP_ER_READ ? ANTLER_FILE : ANTLER_FORMAT, NULL,
                     "not a ZIP archive that can be read: %s", zip_error_strerror(&error));
    zip_error_fini(&error);
    return code == ZIP_ER_OPEN || code == ZIP_ER_READ ? ANTLER_FILE : ANTLER_FORMAT;
}

antler_status antler__archive_read(const char *path, antler_member *member, int members, antler_error *err)
{
    for (int m = 0; m < members; m++) {
        member[m].data = NULL;
        member[m].bytes = 0;
    }
    zip_t *archive = NULL;
    zip_uint64_t file_bytes = 0;
    antler_status status = open_archive(path, &archive, &file_bytes, err);
    if (status == ANTLER_OK) {
        status = read_members(archive, file_bytes, member, members, err);
        zip_discard(archive);
    }
    for (int m = 0; m < members && status != ANTLER_OK; m++) {
        antler__free(member[m].data);
        member[m].data = NULL;
    }
    antler__error_file(err, path);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Stored, and dated 1 January 1980, the beginning of ZIP's calendar: the same content gives the same bytes. */
static bool add_member(zip_t *archive, const antler_member *member)
{
    enum { FIRST_DAY = 1 << 5 | 1 };
    zip_source_t *source = zip_source_buffer(archive, member->data, member->bytes, 0);
    zip_int64_t index = source ? zip_file_add(archive, member->name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) {
        zip_source_free(source);
        return false;
    }
    return zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_dostime(archive, (zip_uint64_t)index, 0, FIRST_DAY, 0) == 0;
}

/* Writes the archive into `buffer`. */
static antler_status fill(zip_source_t *buffer, const antler_member *member, int members, antler_error *err)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_keep(buffer);
    zip_t *archive = zip_open_from_source(buffer, ZIP_TRUNCATE, &error);
    if (!archive) {
        zip_source_free(buffer);
        return fail(ANTLER_MEMORY, NULL, &error, err);
    }
    zip_error_fini(&error);
    for (int m = 0; m < members; m++)
        if (!add_member(archive, &member[m])) {
            antler_status status = fail(ANTLER_MEMORY, member[m].name, zip_get_error(archive), err);
            zip_discard(archive);
            return status;
        }
    if (zip_close(archive) == 0)
        return ANTLER_OK;
    antler_status status = fail(ANTLER_MEMORY, NULL, zip_get_error(archive), err);
    zip_discard(archive);
    return status;
}

static antler_status copy_out(zip_source_t *buffer, void **image, size_t *bytes, antler_error *err)
{
    zip_stat_t info;
    zip_stat_init(&info);
    if (zip_source_stat(buffer, &info) != 0 || !(info.valid & ZIP_STAT_SIZE) || zip_source_open(buffer) != 0)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "libzip: %s", zip_error_strerror(zip_source_error(buffer)));
    antler_status status = ANTLER_OK;
    *bytes = (size_t)info.size;
    *image = antler__allocate(*bytes, 1);
    if (!*image)
        status = antler__no_memory(err);
    else if (zip_source_read(buffer, *image, info.size) != (zip_int64_t)info.size)
        status = antler_error_set(err, ANTLER_MEMORY, NULL, "libzip: %s", zip_error_strerror(zip_source_error(buffer)));
    zip_source_close(buffer);
    return status;
}

antler_status antler__archive_write(const char *path, const antler_member *member, int members, antler_error *err)
{
    zip_error_t error;
    zip_error_init(&error);
    void *image = NULL;
    size_t bytes = 0;
    zip_source_t *buffer = zip_source_buffer_create(NULL, 0, 0, &error);
    antler_status status = buffer ? fill(buffer, member, members, err) : fail(ANTLER_MEMORY, NULL, &error, err);
    if (status == ANTLER_OK)
        status = copy_out(buffer, &image, &bytes, err);
    zip_source_free(buffer);
    if (status == ANTLER_OK)
        status = antler__file_write(path, image, bytes, err);
    antler__free(image);
    antler__error_file(err, path);
    return status;
}

#endif
