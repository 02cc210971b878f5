/* Callbacks, called as a fit calls them. */
#include "types.h"

static const struct {
    const char *config;
    const char *name;
    double value[8];
    int epochs, stops_at, best; /* epoch after which it stops (-1: never), and whose weights come back (-1: none) */
} stops[] = {
    {"{\"monitor\":\"loss\"}", "loss", {3, 2, 2.5}, 3, 2, -1},
    {"{\"monitor\":\"val_loss\",\"patience\":2,\"restore_best_weights\":true}", "val_loss", {3, 2, 4, 5}, 4, 3, 1},
    {"{\"monitor\":\"val_loss\",\"patience\":2,\"restore_best_weights\":true}", "val_loss", {3, 2, 4, 1}, 4, -1, 3},
    {"{\"monitor\":\"val_accuracy\",\"patience\":1}", "val_accuracy", {.1, .2, .2}, 3, 2, -1},
    {"{\"monitor\":\"val_mse\",\"patience\":1}", "val_mse", {.1, .2}, 2, 1, -1},
    {"{\"monitor\":\"binary_accuracy\",\"patience\":1}", "binary_accuracy", {.1, .2, .1}, 3, 2, -1},
    {"{\"monitor\":\"x\",\"mode\":\"max\",\"patience\":1,\"min_delta\":-0.5}", "x", {1, 1.4, 2}, 3, 1, -1},
    {"{\"monitor\":\"loss\",\"patience\":2,\"baseline\":1}", "loss", {3, 2, 2.5}, 3, 2, -1},
    {"{\"monitor\":\"loss\",\"patience\":2,\"baseline\":1,\"restore_best_weights\":true}", "loss", {3, 4}, 2, 1, 0},
    {"{\"monitor\":\"loss\",\"start_from_epoch\":2}", "loss", {1, 2, 3, 2, 4}, 5, 4, -1},
    {"{\"monitor\":\"loss\"}", "other", {1, 2, 3}, 3, -1, -1},
    {"{\"monitor\":\"loss\",\"patience\":1}", "loss", {NAN, 1}, 2, 1, -1},
};
enum { STOPS = sizeof stops / sizeof *stops };

START_TEST(early_stopping_rules)
{
    char json[256];
    snprintf(json, sizeof json, "{\"class_name\":\"EarlyStopping\",\"config\":%s}", stops[_i].config);
    antler_object callback = read_object(ANTLER_KIND_CALLBACK, json);
    const antler_callback_ops *ops = ops_of(callback);
    double numbers[8] = {0};
    int stopped = -1, kept = -1;
    antler_moment start = {.epoch = 0};
    ck_assert_int_le(ops->numbers, 8);
    ck_assert_int_eq(ops->start(callback.config, numbers, &start), ANTLER_OK);
    for (int e = 0; e < stops[_i].epochs && stopped < 0; e++) {
        antler_moment epoch = {.epoch = e, .name = &stops[_i].name, .value = &stops[_i].value[e], .n = 1};
        ck_assert_int_eq(ops->epoch(callback.config, numbers, &epoch), ANTLER_OK);
        kept = epoch.keep ? e : kept;
        stopped = epoch.stop ? e : stopped;
    }
    antler_moment last = {.epoch = stops[_i].epochs};
    ck_assert_int_eq(ops->end(callback.config, numbers, &last), ANTLER_OK);
    ck_assert_int_eq(stopped, stops[_i].stops_at);
    ck_assert_int_eq(kept, stops[_i].best);
    ck_assert_int_eq(last.restore, stops[_i].best >= 0);
    antler_object_free(callback);
}
END_TEST

START_TEST(early_stopping_direction)
{
    antler_error err = {0};
    antler_object callback =
        read_object(ANTLER_KIND_CALLBACK, "{\"class_name\":\"EarlyStopping\",\"config\":{\"monitor\":\"val_mine\"}}");
    double numbers[8] = {0};
    antler_moment start = {.err = &err};
    ck_assert_int_eq(((const antler_callback_ops *)ops_of(callback))->start(callback.config, numbers, &start),
                     ANTLER_VALUE);
    ck_assert_ptr_nonnull(strstr(err.message, "val_mine"));
    antler_object_free(callback);
}
END_TEST

/* As in Keras: the training goes on, and the user hears of it. */
START_TEST(early_stopping_warns_of_absence)
{
    static const char *const names[] = {"loss", "accuracy"};
    const double values[] = {1, 0.5};
    antler_error warning = {0};
    antler_object callback =
        read_object(ANTLER_KIND_CALLBACK, "{\"class_name\":\"EarlyStopping\",\"config\":{\"monitor\":\"val_loss\"}}");
    const antler_callback_ops *ops = ops_of(callback);
    double numbers[8] = {0};
    antler_moment epoch = {.name = names, .value = values, .n = 2, .warning = &warning};
    ck_assert_int_eq(ops->epoch(callback.config, numbers, &epoch), ANTLER_OK);
    ck_assert(!epoch.stop);
    ck_assert_str_eq(warning.message, "EarlyStopping watches \"val_loss\", which is not logged; the training goes on "
                                      "without it. There are loss, accuracy");
    antler_object_free(callback);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("callbacks");
    tcase_add_loop_test(tests, early_stopping_rules, 0, STOPS);
    tcase_add_test(tests, early_stopping_direction);
    tcase_add_test(tests, early_stopping_warns_of_absence);
    return run_suite("callbacks", tests);
}
