/* Windows of a series: Keras's numbers, views, splits, weights, parts, and what is refused. */
#include "suite.h"
#include "torture.h"
#include "train/data.h"

#include <stdio.h>

enum { STEPS = 20 };
static float series[STEPS][2], value[STEPS];

static void fill(void)
{
    for (int i = 0; i < STEPS; i++) {
        series[i][0] = (float)(2 * i);
        series[i][1] = (float)(2 * i + 1);
        value[i] = (float)(100 + i);
    }
}

static antler_data *series_data(void)
{
    return antler_data_from(series, ANTLER_FLOAT32, &(antler_shape){2, {STEPS, 2}}, NULL);
}

static antler_data *value_data(void)
{
    return antler_data_from(value, ANTLER_FLOAT32, &(antler_shape){1, {STEPS}}, NULL);
}

static antler_real number(const antler_data *data, int64_t row, int64_t element)
{
    antler_real out[64];
    antler_error err = {0};
    must(antler_data_gather(data, &row, 1, out, &err), &err);
    return out[element];
}

/* Of timeseries_dataset_from_array(series, value[(length - 1) * rate + horizon:], ...), Keras 3.15.1: the windows,
   where the first and the last of them begin, the last window's second feature, and the targets. */
static const struct {
    struct antler_timeseries settings;
    int n;
    double first, last, end[5], target[2];
} keras[] = {
    {{4, 1, 1, 1}, 16, 0, 30, {31, 33, 35, 37}, {104, 119}},
    {{3, 2, 2, 1}, 8, 0, 28, {29, 31, 33}, {104, 118}},
    {{3, 0, 3, 2}, 6, 0, 30, {31, 35, 39}, {104, 119}},
    {{5, 3, 2, 3}, 3, 0, 8, {9, 15, 21, 27, 33}, {115, 119}},
};

START_TEST(windows_are_those_of_keras)
{
    antler_error err = {0};
    antler_data *x = series_data(), *y = value_data();
    antler_data *xs = antler_data_windows(x, &keras[_i].settings, &err);
    antler_data *ys = antler_data_targets(y, &keras[_i].settings, &err);
    must(err.status, &err);
    int64_t n = keras[_i].n, length = keras[_i].settings.sequence_length;
    ck_assert(antler_shape_equal(antler_data_shape(xs), &(antler_shape){3, {n, length, 2}}));
    ck_assert(antler_shape_equal(antler_data_shape(ys), &(antler_shape){1, {n}}));
    ck_assert(number(xs, 0, 0) == keras[_i].first && number(xs, n - 1, 0) == keras[_i].last);
    for (int64_t k = 0; k < length; k++)
        ck_assert(number(xs, n - 1, 2 * k + 1) == keras[_i].end[k]);
    ck_assert(number(ys, 0, 0) == keras[_i].target[0] && number(ys, n - 1, 0) == keras[_i].target[1]);
    antler_data_free(ys);
    antler_data_free(xs);
    antler_data_free(y);
    antler_data_free(x);
}
END_TEST

/* Both parts are what windows of the two halves of the series would be; weights go along. */
START_TEST(splits_cut_the_series)
{
    antler_error err = {0};
    antler_data *x = series_data(), *y = value_data(), *w = value_data(), *first[2], *rest[2];
    must(antler_data_weigh(y, w, &err), &err);
    const struct antler_timeseries settings = {3, 1, 2, 1};
    antler_data *xs = antler_data_windows(x, &settings, &err), *ys = antler_data_targets(y, &settings, &err);
    must(antler_data_split(xs, 0.25, &first[0], &rest[0], &err), &err);
    must(antler_data_split(ys, 0.25, &first[1], &rest[1], &err), &err);
    for (int i = 0; i < 2; i++) { /* 15 steps and 5 */
        ck_assert_int_eq(antler_data_shape(first[i])->dim[0], 6);
        ck_assert_int_eq(antler_data_shape(rest[i])->dim[0], 1);
    }
    ck_assert(number(first[0], 5, 0) == 20 && number(first[1], 5, 0) == 113);
    ck_assert(number(rest[0], 0, 0) == 30 && number(rest[1], 0, 0) == 118);
    ck_assert(number(ys->weight, 1, 0) == 105 && number(rest[1]->weight, 0, 0) == 118);
    antler_data *some = antler_data_rows(ys, 2, 3, &err), *one = antler_data_rows(xs, 6, 1, &err);
    ck_assert(number(some, 0, 0) == 107 && number(some->weight, 2, 0) == 111 && number(one, 0, 1) == 25);
    ck_assert_int_eq(antler_data_gather(some, (int64_t[]){3}, 1, &(antler_real){0}, &err), ANTLER_VALUE);
    antler_data_free(some);
    antler_data_free(one);
    for (int i = 0; i < 2; i++) {
        antler_data_free(first[i]);
        antler_data_free(rest[i]);
    }
    err = (antler_error){0};
    ck_assert_int_eq(antler_data_split(ys, 0.01, &first[0], &rest[0], &err), ANTLER_VALUE);
    expect_error(&err, ANTLER_VALUE, "leaves none to train on or none to validate on");
    ck_assert(!first[0] && !rest[0]);
    antler_data_free(ys);
    antler_data_free(xs);
    antler_data_free(y);
    antler_data_free(x);
    antler_data_free(w);
}
END_TEST

START_TEST(parts_have_windows)
{
    antler_error err = {0};
    antler_data *x = series_data(), *y = value_data(), *first, *rest;
    const antler_data *both[] = {x, y, NULL};
    antler_data *joined = antler_data_join((const char *[]){"a", "b", NULL}, both, &err);
    antler_data *xs = antler_data_windows(joined, &(struct antler_timeseries){2, 0, 1, 1}, &err);
    must(err.status, &err);
    ck_assert_int_eq(antler_data_shape(xs)->dim[0], 19);
    const char *name;
    ck_assert(number(antler_data_part(xs, 1, &name), 18, 1) == 119);
    ck_assert_str_eq(name, "b");
    must(antler_data_split(xs, 0.5, &first, &rest, &err), &err);
    ck_assert(antler_data_shape(first)->dim[0] == 9 && antler_data_shape(rest)->dim[0] == 9);
    ck_assert(number(rest, 0, 4) == 110);
    antler_data_free(first);
    antler_data_free(rest);
    antler_data_free(xs);
    antler_data_free(joined);
    antler_data_free(x);
    antler_data_free(y);
}
END_TEST

START_TEST(refuses_bad_windows)
{
    static const struct {
        struct antler_timeseries settings;
        antler_status status;
        const char *error;
    } all[] = {
        {{0, 1, 1, 1}, ANTLER_VALUE, "sequence_length: 0 is not from 1 to 1000000000"},
        {{1, -1, 1, 1}, ANTLER_VALUE, "horizon: -1 is not from 0 to 1000000000"},
        {{1, 1, 0, 1}, ANTLER_VALUE, "sequence_stride: 0 is not from 1"},
        {{1, 1, 1, 1000000001}, ANTLER_VALUE, "sampling_rate: 1000000001 is not from 1"},
        {{1000000000, 1000000000, 1, 1000000000}, ANTLER_SHAPE, "too few for a window: it and its target take 10000"},
        {{20, 1, 1, 1}, ANTLER_SHAPE, "20 rows, too few for a window: it and its target take 21"},
    };
    antler_data *x = series_data();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        antler_error err = {0};
        ck_assert_ptr_null(antler_data_windows(x, &all[i].settings, &err));
        expect_error(&err, all[i].status, all[i].error);
        ck_assert_ptr_null(antler_data_targets(x, &all[i].settings, NULL));
    }
    antler_error err = {0};
    ck_assert_ptr_null(antler_data_windows(NULL, &all[0].settings, &err));
    expect_error(&err, ANTLER_VALUE, "the data is NULL");
    err = (antler_error){0};
    ck_assert_ptr_null(antler_data_windows(x, NULL, &err));
    expect_error(&err, ANTLER_VALUE, "is NULL");
    err = (antler_error){0};
    antler_data *xs = antler_data_windows(x, &keras[0].settings, NULL);
    ck_assert_ptr_null(antler_data_windows(xs, &keras[0].settings, &err));
    expect_error(&err, ANTLER_VALUE, "windows of windows");
    antler_data_free(xs);
    antler_data_free(x);
}
END_TEST

static antler_status make_and_split(void *arg)
{
    (void)arg;
    antler_error err = {0};
    antler_data *y = value_data(), *w = value_data(), *ys = NULL, *first = NULL, *rest = NULL;
    if (!y || !w)
        err.status = ANTLER_MEMORY;
    else if (antler_data_weigh(y, w, &err) == ANTLER_OK && (ys = antler_data_targets(y, &keras[0].settings, &err)))
        antler_data_split(ys, 0.5, &first, &rest, &err);
    antler_data_free(first);
    antler_data_free(rest);
    antler_data_free(ys);
    antler_data_free(y);
    antler_data_free(w);
    return err.status;
}

START_TEST(memory_runs_out)
{
    torture(make_and_split, NULL);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("windows");
    tcase_add_checked_fixture(tests, fill, NULL);
    tcase_add_loop_test(tests, windows_are_those_of_keras, 0, sizeof keras / sizeof *keras);
    tcase_add_test(tests, splits_cut_the_series);
    tcase_add_test(tests, parts_have_windows);
    tcase_add_test(tests, refuses_bad_windows);
    tcase_add_test(tests, memory_runs_out);
    return run_suite("windows", tests);
}
