/* One data set of an HDF5 file: whole, or by rows. */
#include "files/hdf5/common.h"

#ifdef ANTLER_WITH_HDF5

#include "core/memory.h"
#include "files/file.h"
#include "files/guard.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int64_t max_chunk_cache = (int64_t)1 << 30; /* bytes, per data set read by rows */

struct antler_hdf5_rows {
    hid_t file, set;
    int64_t offset; /* in the file, of data that lies there as in memory, in one piece; -1: only HDF5 can read it */
    int plain;      /* descriptor for that, or -1 */
    antler_h5_content content;
    antler_server server;      /* the child that reads it for us; socket -1: none does */
    pthread_mutex_t asks;      /* held while one does */
    char name[256], path[256]; /* the path for errors */
};

/* The first link on the way to `name` that is not a hard one, or leads nowhere, with the length of the path to it:
   H5L_TYPE_ERROR if there is none by this name, H5L_TYPE_HARD if all is well. */
static H5L_type_t odd_link(hid_t file, const char *name, int *length)
{
    char part[ANTLER_H5_MAX_NAME];
    for (size_t i = 1; name[0] && i < sizeof part; i++) {
        if (name[i] != '/' && name[i] != '\0')
            continue;
        memcpy(part, name, i);
        part[i] = '\0';
        *length = (int)i;
        H5L_info_t info;
        if (part[i - 1] != '/' && H5Lget_info(file, part, &info, H5P_DEFAULT) < 0)
            return H5L_TYPE_ERROR;
        if (part[i - 1] != '/' && info.type != H5L_TYPE_HARD)
            return info.type;
        if (name[i] == '\0')
            return H5L_TYPE_HARD;
    }
    return H5L_TYPE_ERROR;
}

typedef struct list {
    char text[200];
    size_t used;
} list;

static herr_t list_name(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    (void)group;
    (void)info;
    list *l = user;
    int n = snprintf(l->text + l->used, sizeof l->text - l->used, "%s%s", l->used ? ", " : "", name);
    if (n < 0 || (size_t)n >= sizeof l->text - l->used) {
        memcpy(l->text + sizeof l->text - 4, "...", 4);
        return 1;
    }
    l->used += (size_t)n;
    return 0;
}

static antler_status no_such_set(hid_t file, const char *name, antler_error *err)
{
    list l = {"", 0};
    H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL, list_name, &l);
    return antler_error_set(err, ANTLER_NAME, NULL, "no data set \"%s\"; the file has %s", name,
                            l.text[0] ? l.text : "none");
}

/* The size of a chunk, no larger than the data set, and the chunk's bytes; false: it is not in chunks. */
static bool chunk_of(hid_t set, const antler_h5_content *c, hsize_t *size, int64_t *bytes)
{
    hid_t plist = H5Dget_create_plist(set);
    bool chunked = H5Pget_layout(plist) == H5D_CHUNKED && H5Pget_chunk(plist, H5S_MAX_RANK, size) == c->shape.rank;
    antler__h5_close(plist);
    *bytes = (int64_t)c->size;
    for (int i = 0; chunked && i < c->shape.rank; i++) {
        size[i] = size[i] < (hsize_t)c->shape.dim[i] ? size[i] : (hsize_t)c->shape.dim[i];
        *bytes *= (int64_t)size[i];
    }
    return chunked;
}

/* Bytes of all chunks that a row lies in: reading it takes them whole. 0: it is not in chunks. */
static int64_t band_of(hid_t set, const antler_h5_content *c)
{
    hsize_t size[H5S_MAX_RANK];
    int64_t bytes;
    if (!chunk_of(set, c, size, &bytes) || c->count == 0)
        return 0;
    return c->count / c->shape.dim[0] * (int64_t)c->size * (int64_t)size[0];
}

/* The cache holds what a row lies in and some more chunks, or every row would unpack them again. */
static hid_t cached(hid_t set, const antler_h5_content *c)
{
    hsize_t size[H5S_MAX_RANK];
    int64_t chunk, band = band_of(set, c), most = max_chunk_cache / 4;
    if (!chunk_of(set, c, size, &chunk))
        return H5P_DEFAULT;
    int64_t some = chunk < most / 8 ? 8 * chunk : most, bytes = band + chunk > some ? band + chunk : some;
    bytes = bytes < 2 * max_chunk_cache ? bytes : 2 * max_chunk_cache;
    hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_chunk_cache(access, 10007, bytes > (1 << 20) ? (size_t)bytes : 1 << 20, 0.75);
    return access;
}

static antler_status find_set(antler_hdf5_rows *rows, antler_error *err)
{
    int length;
    H5L_type_t type = odd_link(rows->file, rows->name, &length);
    if (type == H5L_TYPE_ERROR)
        return no_such_set(rows->file, rows->name, err);
    if (type != H5L_TYPE_HARD)
        return antler_error_set(err, ANTLER_NAME, rows->name, "\"%.*s\" is %s link, which is not followed", length,
                                rows->name, type == H5L_TYPE_SOFT ? "a soft" : "an external");
    rows->set = H5Oopen(rows->file, rows->name, H5P_DEFAULT);
    if (rows->set < 0)
        return antler__h5_damaged(rows->name, err);
    H5I_type_t kind = H5Iget_type(rows->set);
    return kind == H5I_DATASET || kind == H5I_GROUP ? ANTLER_OK
                                                    : antler_error_set(err, ANTLER_NAME, rows->name, "not a data set");
}

static bool is_group(const antler_hdf5_rows *rows)
{
    return H5Iget_type(rows->set) == H5I_GROUP;
}

static int64_t plain_offset(hid_t set, const antler_h5_content *c)
{
    hid_t plist = H5Dget_create_plist(set), type = H5Dget_type(set);
    haddr_t offset = HADDR_UNDEF;
    if (H5Pget_layout(plist) == H5D_CONTIGUOUS && H5Tequal(type, c->memory) > 0)
        offset = H5Dget_offset(set);
    antler__h5_close(type);
    antler__h5_close(plist);
    return offset <= INT64_MAX ? (int64_t)offset : -1;
}

static antler_status open_set(antler_hdf5_rows *rows, const char *path, int64_t file_bytes, int64_t most,
                              antler_error *err)
{
    ANTLER_TRY(antler__h5_open(path, NULL, 0, &rows->file, err));
    bool packed;
    ANTLER_TRY(find_set(rows, err));
    if (is_group(rows))
        return ANTLER_OK;
    ANTLER_TRY(antler__h5_describe(rows->set, file_bytes, most, rows->name, &rows->content, &packed, err));
    if (rows->content.shape.rank == 0)
        return antler_error_set(err, ANTLER_SHAPE, rows->name, "a single number, expected rows");
    rows->offset = plain_offset(rows->set, &rows->content);
    if (rows->offset >= 0)
        return ANTLER_OK;
    hid_t access = cached(rows->set, &rows->content);
    antler__h5_close(rows->set);
    rows->set = H5Dopen2(rows->file, rows->name, access);
    antler_status status = rows->set < 0 ? antler__h5_damaged(rows->name, err) : ANTLER_OK;
    if (access != H5P_DEFAULT)
        antler__h5_close(access);
    return status;
}

/* The part of a data set from `start` on that has `count` elements along each axis. */
static antler_status read_part(antler_hdf5_rows *rows, const hsize_t *start, const hsize_t *count, void *out,
                               antler_error *err)
{
    hid_t file = H5Dget_space(rows->set), memory = H5Screate_simple(rows->content.shape.rank, count, NULL);
    antler_status status = ANTLER_OK;
    if (file < 0 || memory < 0 || H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
        !antler__h5_take(rows->set, &rows->content, memory, file, H5Sget_select_npoints(file), out))
        status = antler__h5_damaged(rows->name, err);
    antler__h5_close(memory);
    antler__h5_close(file);
    return status;
}

/* ---- reading rows ------------------------------------------------------------------------------------------------ */

static int64_t row_bytes(const antler_hdf5_rows *rows)
{
    return rows->content.count / rows->content.shape.dim[0] * (int64_t)rows->content.size;
}

static antler_status read_plain(const antler_hdf5_rows *rows, int64_t first, int64_t n, void *out, antler_error *err)
{
    int64_t row = row_bytes(rows);
    if (antler__file_take_at(rows->plain, out, (size_t)(n * row), rows->offset + first * row))
        return ANTLER_OK;
    antler_error_set(err, ANTLER_FORMAT, rows->name, "damaged or cut short");
    antler__error_file(err, rows->path);
    return ANTLER_FORMAT;
}

typedef struct request {
    int64_t first, n;
} request;

/* Has the child read. */
static antler_status ask(antler_hdf5_rows *rows, int64_t first, int64_t n, void *out, antler_error *err)
{
    const request wanted = {first, n};
    antler_error result = {0};
    pthread_mutex_lock(&rows->asks);
    bool all =
        antler__server_ask(&rows->server, &wanted, sizeof wanted) &&
        antler__file_take(rows->server.socket, &result, sizeof result) &&
        (result.status != ANTLER_OK || antler__file_take(rows->server.socket, out, (size_t)(n * row_bytes(rows))));
    if (!all)
        antler__server_ended(&rows->server, rows->path, &result);
    pthread_mutex_unlock(&rows->asks);
    return result.status == ANTLER_OK ? ANTLER_OK : antler__error_copy(err, &result);
}

antler_status antler__hdf5_rows_read(antler_hdf5_rows *rows, int64_t first, int64_t n, void *out, antler_error *err)
{
    const antler_shape *shape = &rows->content.shape;
    if (first < 0 || n < 0 || first > shape->dim[0] - n)
        return antler_error_set(err, ANTLER_VALUE, rows->name, "rows %lld to %lld of %lld", (long long)first,
                                (long long)(first + n), (long long)shape->dim[0]);
    if (n == 0 || rows->content.count == 0)
        return ANTLER_OK;
    if (rows->plain >= 0)
        return read_plain(rows, first, n, out, err);
    if (rows->server.socket >= 0 || rows->file < 0)
        return ask(rows, first, n, out, err);
    hsize_t start[ANTLER_MAX_RANK] = {(hsize_t)first}, count[ANTLER_MAX_RANK] = {(hsize_t)n};
    for (int i = 1; i < shape->rank; i++)
        count[i] = (hsize_t)shape->dim[i];
    antler__h5_enter();
    antler_status status = read_part(rows, start, count, out, err);
    antler__h5_leave();
    antler__error_file(err, rows->path);
    return status;
}

static void close_hdf5(antler_hdf5_rows *rows)
{
    if (rows->file < 0)
        return;
    antler__h5_enter();
    antler__h5_close(rows->set);
    antler__h5_close(rows->file);
    antler__h5_leave();
    rows->file = rows->set = -1;
}

void antler__hdf5_rows_close(antler_hdf5_rows *rows)
{
    if (!rows)
        return;
    close_hdf5(rows);
    if (rows->plain >= 0)
        close(rows->plain);
    antler__server_end(&rows->server);
    pthread_mutex_destroy(&rows->asks);
    antler__free(rows);
}

/* ---- opening, or reading whole ----------------------------------------------------------------------------------- */

typedef struct opening {
    const char *path, *name;
    int64_t most;
    antler_hdf5_set *set;
} opening;

/* Makes room for a data set's values; their bytes, or -1 without memory. */
static int64_t make_room(antler_hdf5_set *set, antler_error *err)
{
    int64_t bytes = antler_count(&set->shape, 0) * (int64_t)antler_dtype_size(set->dtype);
    set->values = antler__allocate((size_t)bytes, 1);
    if (set->values)
        return bytes;
    antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory (%lld bytes)", (long long)bytes);
    return -1;
}

enum { MOST_NAMES = 1 << 16 }; /* bytes of the names in a group */

typedef struct names {
    char *text; /* [MOST_NAMES] zeroed */
    size_t used;
} names;

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    (void)group;
    (void)info;
    names *n = user;
    size_t length = strlen(name) + 1;
    if (n->used + length >= MOST_NAMES)
        return -1;
    memcpy(n->text + n->used, name, length);
    n->used += length;
    return 0;
}

/* A group's names, as if they were a data set of bytes. */
static antler_status read_names(const antler_hdf5_rows *rows, antler_hdf5_set *set, antler_error *err)
{
    names n = {antler__allocate_zeroed(MOST_NAMES, 1), 0};
    if (!n.text)
        return antler__no_memory(err);
    *set = (antler_hdf5_set){.group = true, .dtype = ANTLER_UINT8, .shape = {1, {MOST_NAMES}}, .values = n.text};
    antler__h5_enter();
    bool whole = H5Literate(rows->set, H5_INDEX_NAME, H5_ITER_INC, NULL, add_name, &n) >= 0;
    antler__h5_leave();
    return whole ? ANTLER_OK : antler__h5_damaged(rows->name, err);
}

static int64_t bytes_of(const antler_hdf5_rows *rows)
{
    return rows->content.count * (int64_t)rows->content.size;
}

/* Leaves HDF5 for data that lies in the file as in memory. */
static antler_status open_plain(antler_hdf5_rows *rows, const char *path, antler_error *err)
{
    int64_t file_bytes;
    close_hdf5(rows);
    ANTLER_TRY(antler__file_open(path, &rows->plain, &file_bytes, err));
    if (rows->offset <= file_bytes && bytes_of(rows) <= file_bytes - rows->offset)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_FORMAT, rows->name, "damaged or cut short");
}

/* Reads a small data set; a large one stays open. */
static antler_status settle(const opening *o, antler_hdf5_rows *rows, antler_error *err)
{
    if (rows->offset >= 0)
        ANTLER_TRY(open_plain(rows, o->path, err));
    if (bytes_of(rows) > o->most)
        return ANTLER_OK;
    if (make_room(o->set, err) < 0)
        return ANTLER_MEMORY;
    return antler__hdf5_rows_read(rows, 0, o->set->shape.dim[0], o->set->values, err);
}

/* Rows of chunks that hold few columns of very many rows would each unpack gigabytes. */
static antler_status check_band(const opening *o, const antler_hdf5_rows *rows, antler_error *err)
{
    antler__h5_enter();
    int64_t band = rows->offset >= 0 ? 0 : band_of(rows->set, &rows->content);
    antler__h5_leave();
    if (bytes_of(rows) <= o->most || band <= max_chunk_cache)
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_UNSUPPORTED, rows->name,
                            "a row lies in chunks of %lld MiB together, more than %lld: store it in chunks of fewer "
                            "rows and more columns (h5repack -l CHUNK=...)",
                            (long long)(band >> 20), (long long)(max_chunk_cache >> 20));
}

/* In the child of a guard, all that HDF5 will be asked to do is done, and what it need not do left to the parent. */
static antler_status open_rows(const opening *o, antler_hdf5_rows *rows, antler_error *err)
{
    int64_t file_bytes;
    if (strlen(o->name) >= sizeof rows->name)
        return antler_error_set(err, ANTLER_NAME, NULL, "a name of %zu bytes", strlen(o->name));
    ANTLER_TRY(antler__h5_file_size(o->path, &file_bytes, err));
    antler__h5_enter();
    antler_status status = open_set(rows, o->path, file_bytes, o->most, err);
    antler__h5_leave();
    if (status != ANTLER_OK)
        return status;
    if (is_group(rows))
        return read_names(rows, o->set, err);
    ANTLER_TRY(check_band(o, rows, err));
    *o->set = (antler_hdf5_set){false, rows->content.dtype, rows->content.shape, NULL, rows};
    bool whole = bytes_of(rows) <= o->most;
    if (!antler__guard_expect(whole || bytes_of(rows) < max_chunk_cache ? bytes_of(rows) : max_chunk_cache))
        return settle(o, rows, err);
    return rows->offset < 0 && whole ? settle(o, rows, err) : ANTLER_OK;
}

/* Rows under way, to what the caller gets: rows, values, or nothing. */
static antler_status conclude(const opening *o, antler_hdf5_rows *rows, antler_status status, antler_error *err)
{
    if (status == ANTLER_OK && !o->set->values)
        return ANTLER_OK;
    antler__error_file(err, o->path);
    antler__hdf5_rows_close(rows);
    o->set->rows = NULL;
    if (status != ANTLER_OK) {
        antler__free(o->set->values);
        o->set->values = NULL;
    }
    return status;
}

/* Rows of nothing yet. */
static antler_hdf5_rows *make_rows(const opening *o, antler_error *err)
{
    antler_hdf5_rows *rows = antler__allocate_zeroed(1, sizeof *rows);
    if (!rows) {
        antler__no_memory(err);
        return NULL;
    }
    rows->file = rows->set = rows->plain = rows->server.socket = -1;
    pthread_mutex_init(&rows->asks, NULL);
    snprintf(rows->path, sizeof rows->path, "%s", o->path);
    snprintf(rows->name, sizeof rows->name, "%s", o->name);
    return rows;
}

static antler_status open_here(void *arg, antler_error *err)
{
    opening *o = arg;
    antler_hdf5_rows *rows = make_rows(o, err);
    if (!rows)
        return ANTLER_MEMORY;
    return conclude(o, rows, open_rows(o, rows, err), err);
}

/* What goes from the child to its parent before the values, if it read them. */
typedef struct packet {
    antler_hdf5_set set;
    int64_t offset; /* if it did not: of the rows */
    antler_h5_content content;
} packet;

static bool send(void *arg, int to)
{
    const antler_hdf5_set *set = ((opening *)arg)->set;
    packet p = {.set = *set};
    if (set->rows) {
        p.offset = set->rows->offset;
        p.content = set->rows->content;
    }
    size_t bytes = (size_t)antler_count(&set->shape, 0) * antler_dtype_size(set->dtype);
    return antler__file_put(to, &p, sizeof p) && (set->rows || antler__file_put(to, set->values, bytes));
}

/* What lies in the file as in memory is read here, all else by the child. */
static antler_status receive_rows(const opening *o, const packet *p, antler_error *err)
{
    antler_hdf5_rows *rows = make_rows(o, err);
    if (!rows)
        return ANTLER_MEMORY;
    rows->offset = p->offset;
    rows->content = p->content;
    *o->set = (antler_hdf5_set){false, p->set.dtype, p->set.shape, NULL, rows};
    return rows->offset < 0 ? ANTLER_OK : conclude(o, rows, settle(o, rows, err), err);
}

static bool stays(const void *arg)
{
    const antler_hdf5_set *set = ((const opening *)arg)->set;
    return set->rows && set->rows->offset < 0;
}

static void keep(void *arg, antler_server *server)
{
    ((opening *)arg)->set->rows->server = *server;
}

/* Answers until the parent goes or an answer is not wanted. */
static void serve(void *arg, int with)
{
    antler_hdf5_rows *rows = ((opening *)arg)->set->rows;
    request wanted;
    bool sent = true;
    while (sent && antler__file_take(with, &wanted, sizeof wanted)) {
        antler_error result = {0};
        size_t bytes = (size_t)(wanted.n * row_bytes(rows));
        antler__server_works((int64_t)bytes);
        void *values = antler__allocate(bytes, 1);
        result.status =
            values ? antler__hdf5_rows_read(rows, wanted.first, wanted.n, values, &result) : antler__no_memory(&result);
        sent = antler__file_put(with, &result, sizeof result) &&
               (result.status != ANTLER_OK || antler__file_put(with, values, bytes));
        antler__free(values);
    }
}

static bool receive(void *arg, int from, antler_error *err)
{
    opening *o = arg;
    packet p;
    if (!antler__file_take(from, &p, sizeof p))
        return false;
    if (p.set.rows) {
        receive_rows(o, &p, err);
        return true;
    }
    *o->set = (antler_hdf5_set){p.set.group, p.set.dtype, p.set.shape, NULL, NULL};
    int64_t bytes = make_room(o->set, err);
    if (bytes < 0 || antler__file_take(from, o->set->values, (size_t)bytes))
        return true;
    antler__free(o->set->values);
    o->set->values = NULL;
    return false;
}

antler_status antler__hdf5_open(const char *path, const char *name, int64_t most, antler_hdf5_set *set,
                                antler_error *err)
{
    static const antler_guarded job = {.read = open_here,
                                       .send = send,
                                       .receive = receive,
                                       .stays = stays,
                                       .serve = serve,
                                       .keep = keep,
                                       .lock = &antler__h5_lock};
    *set = (antler_hdf5_set){0};
    opening o = {path, name, most, set};
    antler_error error = {0};
    antler_status status = antler__guarded(path, &job, &o, &error);
    antler__error_file(&error, path);
    return status == ANTLER_OK ? ANTLER_OK : antler__error_copy(err, &error);
}

#endif
