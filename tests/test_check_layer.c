/* antler_check_layer and antler_gradcheck: no layer of the library is refused, and each way to break the contract is.
 */
#include "antler/antler.h"
#include "antler/layer.h"
#include "antler/work.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

/* ---- a layer with a fault: y = w x, w one number ---- */

typedef enum fault {
    NONE,
    ADDS,       /* to its gradient */
    WRONG,      /* gradient of w */
    WRONG_DX,   /* of x */
    SKIPS,      /* the last element */
    REMEMBERS,  /* from one inference to the next */
    SEES_BATCH, /* another result in another batch */
    READS_X,    /* in backward, without a flag */
    NEEDS_DX,   /* takes the place of dx for granted */
    FAULTS
} fault;
static fault now;
static int times;

struct antler_faulty {
    ANTLER_LAYER_KEYS
    int end_;
};
static const antler_field fields[] = {ANTLER_FIELD_END};
static const char *const samples[] = {"(3) {}", "(4, 2) {}", NULL};

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const antler_shape one = {1, {1}};
    (void)config;
    (void)in;
    antler_plan_param(plan, 0, "w", "w", &one);
}

static void initialize(const void *config, int slot, antler_tensor *param)
{
    (void)config;
    (void)slot;
    param->data[0] = (antler_real)0.75;
}

static antler_status forward(const void *config, antler_run *run)
{
    const int64_t n = antler_count(&run->x->shape, 0);
    antler_real w = run->param[0].data[0];
    (void)config;
    if (now == REMEMBERS)
        w += (antler_real)(0.001 * ++times);
    if (now == SEES_BATCH)
        w += (antler_real)run->x->shape.dim[0];
    for (int64_t i = 0; i < n - (now == SKIPS); i++)
        run->y->data[i] = w * run->x->data[i];
    return ANTLER_OK;
}

static antler_status backward(const void *config, antler_run *run)
{
    const int64_t n = antler_count(&run->dy->shape, 0);
    const antler_real w = run->param[0].data[0];
    antler_real sum = 0, *dw = run->grad[0].data;
    (void)config;
    for (int64_t i = 0; i < n; i++)
        sum += run->dy->data[i] * (now == READS_X ? run->y->data[i] / w : run->x->data[i]);
    if (now == NEEDS_DX && !run->dx->data)
        sum = 0;
    if (dw)
        *dw = (now == ADDS ? *dw : 0) + (now == WRONG ? 2 : 1) * sum;
    for (int64_t i = 0; run->dx->data && i < n; i++)
        run->dx->data[i] = (now == WRONG_DX ? -w : w) * run->dy->data[i];
    return ANTLER_OK;
}

static const antler_layer_ops antler_layer_faulty = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "Faulty",
             .doc = "w x",
             .config_size = sizeof(struct antler_faulty),
             .fields = fields,
             .samples = samples},
    .flags = ANTLER_NEEDS_X,
    .mask = ANTLER_MASK_PASS,
    .infer = antler_infer_same,
    .variables = variables,
    .initialize = initialize,
    .forward = forward,
    .backward = backward,
};

START_TEST(each_fault_is_told)
{
    static const char *const told[FAULTS] = {
        [ADDS] = "a gradient is added to what was there",
        [WRONG] = "the gradient of w is wrong: element 0",
        [WRONG_DX] = "the gradient of its input is wrong",
        [SKIPS] = "y[20] is not written",
        [REMEMBERS] = "a second inference gives other bits",
        [SEES_BATCH] = "row 0 alone, as a batch of one, gives other bits",
        [READS_X] = "a flag says too little",
        [NEEDS_DX] = "differ where nobody wants that of its input",
    };
    antler_error err = {0};
    char begins[64];
    now = (fault)_i;
    antler_status status = antler_check_layer(&antler_layer_faulty, &err);
    if (now == NONE) {
        ck_assert_msg(status == ANTLER_OK, "%s", err.message);
        return;
    }
    ck_assert_int_eq(status, ANTLER_VALUE);
    snprintf(begins, sizeof begins, "Faulty %s: ", samples[0]);
    ck_assert_msg(strncmp(err.message, begins, strlen(begins)) == 0 && strstr(err.message, told[now]), "%s",
                  err.message);
}
END_TEST

START_TEST(what_cannot_be_tried_is_told)
{
    static const char *const shapeless[] = {"{}", NULL}, *const refused[] = {"(3) {\"units\": 3}", NULL};
    antler_layer_ops other = antler_layer_faulty;
    antler_error err = {0};
    now = NONE;
    ck_assert_int_eq(antler_check_layer(NULL, &err), ANTLER_VALUE);
    err = (antler_error){0};
    other.type.class_name = "Dense";
    ck_assert_int_eq(antler_check_layer(&other, &err), ANTLER_NAME); /* there is one of that name */
    err = (antler_error){0};
    other.type.class_name = "Faultless";
    other.type.samples = NULL;
    ck_assert_int_eq(antler_check_layer(&other, &err), ANTLER_VALUE);
    ck_assert_ptr_nonnull(strstr(err.message, "no samples"));
    err = (antler_error){0};
    other.type.samples = shapeless;
    ck_assert_int_eq(antler_check_layer(&other, &err), ANTLER_VALUE);
    ck_assert_ptr_nonnull(strstr(err.message, "not a sample"));
    err = (antler_error){0};
    other.type.samples = refused;
    ck_assert_int_eq(antler_check_layer(&other, &err), ANTLER_VALUE);
    ck_assert_ptr_nonnull(strstr(err.message, "has no such key"));
}
END_TEST

START_TEST(no_layer_of_the_library_is_refused)
{
    const antler_type *type;
    for (int64_t i = 0; (type = antler_type_at(ANTLER_KIND_LAYER, i)); i++) {
        antler_error err = {0};
        if (!(((const antler_layer_ops *)type)->flags & ANTLER_SOURCE) && type->samples)
            ck_assert_msg(antler_check_layer((const antler_layer_ops *)type, &err) == ANTLER_OK, "%s", err.message);
    }
}
END_TEST

/* ---- antler_gradcheck ---- */

typedef struct heard {
    int weights, wrong;
} heard;

static void hear(void *user, const antler_gradient_outcome *o)
{
    heard *h = user;
    h->weights++;
    h->wrong += !o->ok;
    ck_assert_int_gt(o->checked, 0);
    ck_assert_ptr_nonnull(o->variable->name);
}

static antler_status check_net(fault f, heard *h, antler_error *err)
{
    antler_real x[12], y[6] = {0, 1, 0, 1, 1, 0};
    for (int i = 0; i < 12; i++)
        x[i] = (antler_real)(i % 5 - 2) / 2;
    now = f;
    antler_model *m = antler_sequential("net", (int[]){2}, 1, err);
    antler_add(m, dense, .units = 4, .activation = "tanh");
    antler_add(m, faulty);
    antler_add(m, dense, .units = 1, .activation = "sigmoid");
    antler_compile(m, .loss = "binary_crossentropy");
    antler_build(m);
    antler_context *c = antler_context_create_train(m, 6, 1, 0, err);
    antler_status status = c ? antler_gradcheck(c, x, y, 6, true, hear, h, err) : err->status;
    antler_context_free(c);
    antler_model_free(m);
    return status;
}

START_TEST(a_wrong_gradient_is_named)
{
    antler_error err = {0};
    heard h = {0, 0};
    antler_register(&antler_layer_faulty.type, &err);
    ck_assert_msg(check_net(NONE, &h, &err) == ANTLER_OK, "%s", err.message);
    ck_assert_int_eq(h.weights, 5);
    ck_assert_int_eq(h.wrong, 0);
    h = (heard){0, 0};
    ck_assert_int_eq(check_net(WRONG, &h, &err), ANTLER_VALUE);
    ck_assert_int_eq(h.weights, 5);
    ck_assert_int_eq(h.wrong, 1);
    ck_assert_ptr_nonnull(strstr(err.message, "the gradient of w of layer faulty is not the slope of the loss"));
    err = (antler_error){0};
    ck_assert_int_eq(antler_gradcheck(NULL, NULL, NULL, 1, false, NULL, NULL, &err), ANTLER_VALUE);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("check_layer");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, each_fault_is_told, 0, FAULTS);
    tcase_add_test(tests, what_cannot_be_tried_is_told);
    tcase_add_test(tests, no_layer_of_the_library_is_refused);
    tcase_add_test(tests, a_wrong_gradient_is_named);
    return run_suite("check_layer", tests);
}
