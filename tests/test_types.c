/* Activations, constraints and regularizers against Keras's own numbers and formulas written out; and the tables of all
   kinds. */
#include "types.h"

#include "parts/parts.h"

#include "core/memory.h"

/* ---- activations ---- */

START_TEST(activation_values)
{
    static const char *const names[] = {"linear",       "relu",  "leaky_relu", "elu",  "selu",
                                        "sigmoid",      "tanh",  "softplus",   "gelu", "exponential",
                                        "hard_sigmoid", "relu6", "softsign",   "silu", "mish"};
    antler_real *x = entry_reals(table("activations", "x", "")), y[81], dx[81], one[81];
    const antler_activation_ops *ops = (const void *)antler_type_find(ANTLER_KIND_ACTIVATION, names[_i]);
    ck_assert_ptr_nonnull(ops);
    const antler_entry *value = table("activations", names[_i], "/y"), *slope = table("activations", names[_i], "/dy");
    const double bound = strcmp(names[_i], "gelu") == 0 ? 1e-8 : 1e-13; /* Keras's root of 2 is a float there */
    ops->forward(y, x, 1, 81);
    for (int i = 0; i < 81; i++)
        one[i] = 1;
    ops->backward(dx, one, y, ops->needs_x ? x : NULL, 1, 81);
    for (int i = 0; i < 81; i++) {
        check_near(names[_i], i, (double)y[i], entry_number(value, i), bound, 1e-6);
        check_near(names[_i], i, (double)dx[i], entry_number(slope, i), bound, 2e-6);
    }
    free(x);
}
END_TEST

START_TEST(softmax_values)
{
    antler_real *x = entry_reals(table("activations", "softmax", "/rows")), y[16], dx[16], dy[16];
    const antler_entry *value = table("activations", "softmax", "/y");
    const antler_activation_ops *soft = (const void *)antler_type_find(ANTLER_KIND_ACTIVATION, "softmax");
    const antler_activation_ops *logs = (const void *)antler_type_find(ANTLER_KIND_ACTIVATION, "log_softmax");
    soft->forward(y, x, 4, 4);
    for (int i = 0; i < 16; i++) {
        check_near("softmax", i, (double)y[i], entry_number(value, i), 1e-14, 1e-6);
        dy[i] = (antler_real)(i % 5) - 2;
    }
    soft->backward(dx, dy, y, NULL, 4, 4);
    for (int i = 0; i < 16; i++) {
        double along = 0;
        for (int j = i / 4 * 4; j < i / 4 * 4 + 4; j++)
            along += (double)dy[j] * (double)y[j];
        check_near("softmax gradient", i, (double)dx[i], (double)y[i] * ((double)dy[i] - along), 1e-14, 1e-6);
    }
    logs->forward(x, x, 4, 4);
    logs->backward(dy, dy, x, NULL, 4, 4);
    for (int i = 0; i < 16; i++) {
        const int first = i / 4 * 4;
        const double sum = (double)(first % 5 + (first + 1) % 5 + (first + 2) % 5 + (first + 3) % 5 - 8);
        if (entry_number(value, i) > 1e-30)
            check_near("log_softmax", i, (double)x[i], log(entry_number(value, i)), 1e-13, 1e-6);
        check_near("log_softmax gradient", i, (double)dy[i], i % 5 - 2 - entry_number(value, i) * sum, 1e-13, 4e-6);
    }
    free(x);
}
END_TEST

/* ---- constraints and regularizers ---- */

START_TEST(constraint_values)
{
    static const char *const names[] = {"max_norm",  "max_norm_axis1", "max_norm_axis01",  "non_neg",
                                        "unit_norm", "min_max_norm",   "min_max_norm_rate"};
    antler_object constraint = entry_object(ANTLER_KIND_CONSTRAINT, "constraints", names[_i]);
    const antler_constraint_ops *ops = ops_of(constraint);
    const antler_entry *start = table("constraints", "w", ""), *wanted = table("constraints", names[_i], "");
    antler_tensor w = {start->shape, entry_reals(start)};
    ops->apply(constraint.config, &w);
    for (int64_t i = 0; i < entry_count(wanted); i++)
        check_near(names[_i], i, (double)w.data[i], entry_number(wanted, i), 1e-15, 1e-6);
    free(w.data);
    antler_object_free(constraint);
}
END_TEST

/* Wider than the block of vectors that are scaled side by side, and the last axis alone. */
START_TEST(constraint_wide)
{
    antler_object columns = read_object(ANTLER_KIND_CONSTRAINT, "\"UnitNorm\"");
    antler_object rows = read_object(ANTLER_KIND_CONSTRAINT, "{\"class_name\":\"UnitNorm\",\"config\":{\"axis\":-1}}");
    const antler_constraint_ops *ops = ops_of(columns);
    antler_real x[5 * 150];
    antler_tensor w = {{2, {5, 150}}, x};
    for (int pass = 0; pass < 2; pass++) {
        uint32_t state = 9;
        for (int i = 0; i < 750; i++)
            x[i] = (antler_real)draw(&state, -1, 1);
        ops->apply(pass ? rows.config : columns.config, &w);
        for (int i = 0; i < (pass ? 5 : 150); i++) {
            double sum = 0;
            for (int j = 0; j < (pass ? 150 : 5); j++)
                sum += pow((double)x[pass ? i * 150 + j : j * 150 + i], 2);
            ck_assert_double_eq_tol(sum, 1, 1e-6);
        }
    }
    antler_object_free(columns);
    antler_object_free(rows);
}
END_TEST

START_TEST(regularizer_values)
{
    antler_real w[5] = {1, -2, 0, .5f, -.25f};
    const antler_tensor tensor = {.shape = {1, {5}}, .data = w};
    antler_real g[5] = {1, 1, 1, 1, 1};
    antler_object both =
        read_object(ANTLER_KIND_REGULARIZER, "{\"class_name\":\"L1L2\",\"config\":{\"l1\":0.5,\"l2\":0.25}}");
    antler_object l2 = read_object(ANTLER_KIND_REGULARIZER, "\"l2\"");
    const antler_regularizer_ops *ops = ops_of(both);
    ck_assert_double_eq(ops->penalty(both.config, &tensor), 0.5 * 3.75 + 0.25 * 5.3125);
    ops->gradient(both.config, g, &tensor, 2);
    const double wanted[5] = {1 + 1 + 1, 1 - 1 - 2, 1, 1 + 1 + 0.5, 1 - 1 - 0.25};
    for (int i = 0; i < 5; i++)
        ck_assert_double_eq((double)g[i], wanted[i]);
    ck_assert_double_eq(((const antler_regularizer_ops *)ops_of(l2))->penalty(l2.config, &tensor),
                        (double)0.01f * 5.3125);
    antler_object_free(both);
    antler_object_free(l2);
}
END_TEST

/* ---- all tables ---- */

/* A config's text, for free. */
static char *config_text(const antler_type *type, const antler_json *config)
{
    antler_error err = {0};
    antler_report report = {.err = &err};
    void *filled = NULL;
    ck_assert_msg(antler__config_read(type, config, NULL, &report, &filled) == ANTLER_OK, "%s", err.message);
    antler_json *written = antler__config_write(type, filled, NULL, NULL, ANTLER_STYLE_KERAS);
    char *text = antler__json_print(written, false), *copy = malloc(strlen(text) + 1);
    strcpy(copy, text);
    antler__free(text);
    antler__json_free(written);
    antler__config_free(type, filled);
    return copy;
}

static void check_round_trip(const antler_type *type)
{
    antler_error err = {0};
    antler_json *root = NULL;
    for (const antler_field *field = type->fields; field && field->kind != ANTLER_END; field++)
        if (field->kind != ANTLER_ANY && !field->def)
            return; /* no defaults to write */
    char *first = config_text(type, NULL);
    ck_assert_int_eq(antler__json_parse(first, strlen(first), &root, &err), ANTLER_OK);
    char *second = config_text(type, root);
    ck_assert_str_eq(first, second);
    antler__json_free(root);
    free(first);
    free(second);
}

/* Every type says what it is, and its defaults survive being written and read. */
START_TEST(type_tables)
{
    static const antler_type *const *const lists[] = {antler__activations, antler__initializers, antler__regularizers,
                                                      antler__constraints, antler__losses,       antler__metrics,
                                                      antler__optimizers,  antler__schedules,    antler__callbacks};
    for (const antler_type *const *type = lists[_i]; *type; type++) {
        ck_assert_ptr_nonnull((*type)->doc);
        ck_assert_ptr_eq(antler_type_find((*type)->kind, (*type)->class_name), *type);
        for (const char *const *alias = (*type)->aliases; alias && *alias; alias++)
            ck_assert_ptr_eq(antler_type_find((*type)->kind, *alias), *type);
        for (const antler_field *field = (*type)->fields; field && field->kind != ANTLER_END; field++)
            ck_assert(field->kind == ANTLER_ANY || (field->doc && field->offset < (*type)->config_size));
        check_round_trip(*type);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("types");
    tcase_add_unchecked_fixture(tests, open_tables, close_tables);
    tcase_add_test(tests, constraint_wide);
    tcase_add_test(tests, regularizer_values);
    tcase_add_loop_test(tests, type_tables, 0, 9);
    if (HAS_HDF5) {
        tcase_add_loop_test(tests, activation_values, 0, 15);
        tcase_add_test(tests, softmax_values);
        tcase_add_loop_test(tests, constraint_values, 0, 7);
    }
    return run_suite("types", tests);
}
