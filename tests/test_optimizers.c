/* Optimizers against their formulas written out, schedules against Keras's own numbers. */
#include "types.h"

/* ---- schedules ---- */

START_TEST(schedule_rates)
{
    static const char *const names[] = {
        "exponential", "exponential_staircase", "inverse_time", "inverse_time_staircase",
        "polynomial",  "polynomial_cycle",      "cosine",       "cosine_warmup"};
    antler_object schedule = entry_object(ANTLER_KIND_SCHEDULE, "schedules", names[_i]);
    const antler_schedule_ops *ops = ops_of(schedule);
    const antler_entry *rates = table("schedules", names[_i], "");
    for (int64_t i = 0; i < entry_count(rates); i++)
        ck_assert_double_eq_tol(ops->rate(schedule.config, i), entry_number(rates, i), 3e-8);
    antler_object_free(schedule);
}
END_TEST

START_TEST(schedule_constant)
{
    antler_object schedule = read_object(ANTLER_KIND_SCHEDULE, "0.1");
    const antler_schedule_ops *ops = ops_of(schedule);
    ck_assert_double_eq(ops->rate(schedule.config, 7), 0.1);
    antler_object_free(schedule);
}
END_TEST

/* ---- optimizers ---- */

/* Keras's formulas, a number at a time, in double. */
typedef struct state {
    double w, m, v;
} state;

static void sgd_by_hand(state *s, double g, double rate, double momentum, bool nesterov)
{
    s->m = momentum * s->m - rate * g;
    s->w += nesterov ? momentum * s->m - rate * g : s->m;
}

static void adam_by_hand(state *s, double g, double rate, double b1, double b2, double epsilon, int t)
{
    s->m += (g - s->m) * (1 - b1);
    s->v += (g * g - s->v) * (1 - b2);
    const double r1 = (double)(float)b1, r2 = (double)(float)b2; /* as Keras on TensorFlow raises them */
    s->w -= rate * sqrt(1 - pow(r2, t)) / (1 - pow(r1, t)) * s->m / (sqrt(s->v) + epsilon);
}

static const char *const optimizers[] = {
    "\"sgd\"",
    "{\"class_name\":\"SGD\",\"config\":{\"momentum\":0.9}}",
    "{\"class_name\":\"SGD\",\"config\":{\"momentum\":0.8,\"nesterov\":true}}",
    "{\"class_name\":\"Adam\",\"config\":{\"learning_rate\":0.01}}",
    "{\"class_name\":\"adam\",\"config\":{\"beta_1\":0.5,\"beta_2\":0.9,\"epsilon\":0.001}}",
};

static void by_hand(int which, state *s, double g, double rate, int t)
{
    if (which < 3)
        sgd_by_hand(s, g, rate, which == 0 ? 0 : (double)(which == 1 ? 0.9f : 0.8f), which == 2);
    else
        adam_by_hand(s, g, rate, which == 3 ? 0.9 : 0.5, which == 3 ? 0.999 : 0.9, which == 3 ? 1e-7 : 1e-3, t);
}

START_TEST(optimizer_steps)
{
    enum { N = 37 };
    antler_object optimizer = read_object(ANTLER_KIND_OPTIMIZER, optimizers[_i]);
    const antler_optimizer_ops *ops = ops_of(optimizer);
    const antler_object schedule = ((antler_optimizer_keys *)optimizer.config)->learning_rate;
    const double rate = ((const antler_schedule_ops *)ops_of(schedule))->rate(schedule.config, 0);
    ck_assert_double_eq(rate, _i == 4 ? 0.001 : 0.01);
    ck_assert_int_eq(ops->slots(optimizer.config), _i == 0 ? 0 : _i < 3 ? 1 : 2);
    antler_real w[N], g[N], slot[2][N] = {{0}};
    state s[N] = {{0, 0, 0}};
    uint32_t seed = 3;
    for (int i = 0; i < N; i++)
        s[i].w = (double)(w[i] = (antler_real)draw(&seed, -1, 1));
    for (int t = 1; t <= 20; t++) {
        for (int i = 0; i < N; i++) {
            g[i] = (antler_real)draw(&seed, -2, 1);
            by_hand(_i, &s[i], (double)g[i], rate, t);
        }
        const antler_step step = {.w = w,
                                  .g = g,
                                  .slot = {slot[0], slot[1]},
                                  .n = N,
                                  .rate = rate,
                                  .iteration = t - 1,
                                  .k = antler__kernels()};
        ops->step(optimizer.config, &step);
    }
    for (int i = 0; i < N; i++)
        check_near(optimizers[_i], i, (double)w[i], s[i].w, 1e-14, 2e-6);
    antler_object_free(optimizer);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("optimizers");
    tcase_add_unchecked_fixture(tests, open_tables, close_tables);
    tcase_add_test(tests, schedule_constant);
    tcase_add_loop_test(tests, optimizer_steps, 0, 5);
    if (HAS_HDF5)
        tcase_add_loop_test(tests, schedule_rates, 0, 8);
    return run_suite("optimizers", tests);
}
