/* What the suites of the kinds share: objects from JSON, Keras's own numbers (tests/golden/tables.h5, in double
   precision), and comparing. */
#ifndef ANTLER_TYPES_H
#define ANTLER_TYPES_H

#include "antler/layer.h"
#include "build.h"
#include "config/fields.h"
#include "config/json.h"
#include "config/registry.h"
#include "files/hdf5.h"
#include "kernels/kernels.h"
#include "lcg.h"
#include "networks.h"

#include <math.h>

static const bool is_double = sizeof(antler_real) == sizeof(double);

/* |a - b| <= atol + rtol |b|, with bounds for double and for float. */
static inline void check_near(const char *what, int64_t i, double a, double b, double for_double, double for_float)
{
    const double bound = (is_double ? for_double : for_float) * (1 + fabs(b));
    ck_assert_msg(fabs(a - b) <= bound, "%s[%lld]: %.17g is not %.17g", what, (long long)i, a, b);
}

static inline antler_object read_object(antler_kind kind, const char *text)
{
    antler_error err = {0};
    antler_json *root = NULL;
    antler_object object = {NULL, NULL};
    antler_report report = {.err = &err};
    ck_assert_msg(antler__json_parse(text, strlen(text), &root, &err) == ANTLER_OK, "%s: %s", text, err.message);
    ck_assert_msg(antler__object_read(kind, root, NULL, &report, &object) == ANTLER_OK, "%s: %s: %s", text, err.place,
                  err.message);
    antler__json_free(root);
    return object;
}

static inline const void *ops_of(antler_object object)
{
    return object.type;
}

/* Numbers in (low, high) that differ from test to test only. */
static inline double draw(uint32_t *state, double low, double high)
{
    lcg32(state);
    return low + (high - low) * ((double)(*state >> 8) + 0.5) / 16777216.0;
}

static antler_entries tables;

/* Without HDF5 there are none. */
static inline void open_tables(void)
{
    antler_error err = {0};
    if (!HAS_HDF5)
        return;
    ck_assert_msg(antler__hdf5_read(ANTLER_SOURCE_DIR "/tests/golden/tables.h5", NULL, 0, &tables, &err) == ANTLER_OK,
                  "%s", err.message);
}

static inline void close_tables(void)
{
    antler__entries_free(&tables);
}

static inline const antler_entry *table(const char *group, const char *name, const char *leaf)
{
    char path[256];
    snprintf(path, sizeof path, "/%s/%s%s", group, name, leaf);
    const antler_entry *entry = antler__entries_find(&tables, path);
    ck_assert_msg(entry != NULL, "no %s in tables.h5", path);
    return entry;
}

static inline int64_t entry_count(const antler_entry *entry)
{
    return antler_count(&entry->shape, 0);
}

static inline double entry_number(const antler_entry *entry, int64_t i)
{
    switch (entry->dtype) {
    case ANTLER_FLOAT64:
        return ((const double *)entry->data)[i];
    case ANTLER_INT32:
        return ((const int32_t *)entry->data)[i];
    case ANTLER_INT64:
        return (double)((const int64_t *)entry->data)[i];
    default:
        ck_abort_msg("a dtype that tables.h5 has not");
    }
}

/* For free. */
static inline antler_real *entry_reals(const antler_entry *entry)
{
    const int64_t n = entry_count(entry);
    antler_real *x = malloc((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (antler_real)entry_number(entry, i);
    return x;
}

static inline antler_object entry_object(antler_kind kind, const char *group, const char *name)
{
    return read_object(kind, table(group, name, "@config")->data);
}

#endif
