/* Initializers: their moments, seeds, shapes, and one hash for all machines. */
#include "types.h"

static antler_status fill(const char *json, antler_tensor *w, uint64_t key, antler_error *err)
{
    antler_object initializer = read_object(ANTLER_KIND_INITIALIZER, json);
    const antler_status status =
        ((const antler_initializer_ops *)ops_of(initializer))->fill(initializer.config, w, key, err);
    antler_object_free(initializer);
    return status;
}

typedef struct moments {
    double mean, deviation, low, high;
} moments;

static moments moments_of(const antler_real *x, int64_t n)
{
    moments m = {0, 0, (double)x[0], (double)x[0]};
    for (int64_t i = 0; i < n; i++) {
        m.mean += (double)x[i] / (double)n;
        m.low = fmin(m.low, (double)x[i]);
        m.high = fmax(m.high, (double)x[i]);
    }
    for (int64_t i = 0; i < n; i++)
        m.deviation += pow((double)x[i] - m.mean, 2) / (double)n;
    m.deviation = sqrt(m.deviation);
    return m;
}

static const struct {
    const char *json;
    antler_shape shape;
    double mean, deviation, bound; /* bound: |x - mean| never goes beyond; 0 for none */
} draws[] = {
    {"\"zeros\"", {2, {100, 200}}, 0, 0, 1e-30},
    {"\"Ones\"", {2, {100, 200}}, 1, 0, 1e-30},
    {"{\"class_name\":\"Constant\",\"config\":{\"value\":0.3}}", {1, {20000}}, 0.3, 0, 2e-8},
    {"\"random_uniform\"", {2, {100, 200}}, 0, 0.1 / 3.4641016, 0.05},
    {"{\"class_name\":\"RandomUniform\",\"config\":{\"minval\":2,\"maxval\":4}}", {2, {100, 200}}, 3, 0.57735027, 1},
    {"\"RandomNormal\"", {2, {100, 200}}, 0, 0.05, 0},
    {"{\"class_name\":\"TruncatedNormal\",\"config\":{\"mean\":1,\"stddev\":2}}", {2, {100, 200}}, 1, 1.7592513, 4},
    {"\"glorot_uniform\"", {2, {100, 200}}, 0, 0.081649658, 0.141421357},
    {"\"GlorotNormal\"", {2, {100, 200}}, 0, 0.081649658, 0.185645},
    {"\"he_uniform\"", {2, {100, 200}}, 0, 0.14142136, 0.24494898},
    {"\"he_normal\"", {4, {5, 5, 4, 200}}, 0, 0.14142136, 0.321548},
    {"\"lecun_uniform\"", {4, {5, 5, 4, 200}}, 0, 0.1, 0.17320509},
    {"\"lecun_normal\"", {1, {20000}}, 0, 0.0070710678, 0.0160774},
    {"{\"class_name\":\"VarianceScaling\",\"config\":{\"scale\":3,\"mode\":\"fan_out\",\"distribution\":"
     "\"untruncated_normal\",\"seed\":null}}",
     {2, {100, 200}},
     0,
     0.12247449,
     0},
};
enum { DRAWS = sizeof draws / sizeof *draws };

START_TEST(initializer_moments)
{
    static antler_real x[20000];
    antler_tensor w = {draws[_i].shape, x};
    ck_assert_int_eq(fill(draws[_i].json, &w, 0x1234567, NULL), ANTLER_OK);
    const moments m = moments_of(x, 20000);
    ck_assert_double_eq_tol(m.mean, draws[_i].mean, 6 * draws[_i].deviation / sqrt(20000) + 2e-8);
    ck_assert_double_eq_tol(m.deviation, draws[_i].deviation, 0.03 * draws[_i].deviation + 1e-12);
    if (draws[_i].bound > 0)
        ck_assert(fmax(m.high - draws[_i].mean, draws[_i].mean - m.low) <= draws[_i].bound * (1 + 1e-6));
    for (int64_t i = 0; is_double && i < 20000; i++) /* antler64 starts with the numbers that antler starts with */
        ck_assert(x[i] == (antler_real)(float)x[i]);
}
END_TEST

START_TEST(initializer_seeds)
{
    static const char *const seeded = "{\"class_name\":\"GlorotUniform\",\"config\":{\"seed\":7}}";
    antler_real x[4][64];
    antler_tensor w[4];
    for (int i = 0; i < 4; i++)
        w[i] = (antler_tensor){{2, {8, 8}}, x[i]};
    fill("\"GlorotUniform\"", &w[0], 1, NULL);
    fill("\"GlorotUniform\"", &w[1], 2, NULL);
    fill(seeded, &w[2], 1, NULL);
    fill(seeded, &w[3], 2, NULL);
    ck_assert_mem_ne(x[0], x[1], sizeof x[0]);
    ck_assert_mem_ne(x[0], x[2], sizeof x[0]);
    ck_assert_mem_eq(x[2], x[3], sizeof x[0]);
}
END_TEST

START_TEST(initializer_orthogonal)
{
    static const antler_shape shapes[] = {{2, {30, 30}}, {2, {16, 64}}, {2, {64, 16}}, {4, {3, 3, 2, 10}}, {2, {5, 1}}};
    antler_real x[1024];
    antler_tensor w = {shapes[_i], x};
    const int64_t columns = w.shape.dim[w.shape.rank - 1], rows = antler_count(&w.shape, 0) / columns;
    ck_assert_int_eq(fill("{\"class_name\":\"OrthogonalInitializer\",\"config\":{\"gain\":2}}", &w, 5, NULL),
                     ANTLER_OK);
    const bool wide = rows < columns;
    for (int64_t i = 0; i < (wide ? rows : columns); i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = 0;
            for (int64_t k = 0; k < (wide ? columns : rows); k++)
                sum += (double)(wide ? x[i * columns + k] : x[k * columns + i]) *
                       (double)(wide ? x[j * columns + k] : x[k * columns + j]);
            ck_assert_double_eq_tol(sum, i == j ? 4 : 0, 2e-6);
        }
}
END_TEST

START_TEST(initializer_shapes)
{
    antler_real x[12];
    antler_error err = {0};
    antler_tensor w = {{2, {3, 4}}, x};
    ck_assert_int_eq(fill("{\"class_name\":\"Identity\",\"config\":{\"gain\":3}}", &w, 0, &err), ANTLER_OK);
    for (int i = 0; i < 12; i++)
        ck_assert(x[i] == (i % 5 == 0 ? 3 : 0));
    w.shape = (antler_shape){1, {12}};
    ck_assert_int_eq(fill("\"identity\"", &w, 0, &err), ANTLER_SHAPE);
    ck_assert_int_eq(fill("\"orthogonal\"", &w, 0, NULL), ANTLER_SHAPE);
}
END_TEST

/* The first weights are the same in the float and in the double build, on every machine. */
START_TEST(initializer_hash)
{
    static const char *const names[] = {"RandomUniform", "RandomNormal", "TruncatedNormal",
                                        "GlorotUniform", "HeNormal",     "Orthogonal"};
    uint64_t hash = 14695981039346656037u;
    antler_real x[40 * 23];
    for (int i = 0; i < 6; i++) {
        char json[64];
        antler_tensor w = {{2, {40, 23}}, x};
        snprintf(json, sizeof json, "\"%s\"", names[i]);
        ck_assert_int_eq(fill(json, &w, 0x9e3779b97f4a7c15u + (uint64_t)i, NULL), ANTLER_OK);
        for (int j = 0; j < 40 * 23; j++) {
            const float value = (float)x[j];
            uint32_t bits;
            memcpy(&bits, &value, sizeof bits);
            hash = (hash ^ bits) * 1099511628211u;
        }
    }
    ck_assert_msg(hash == 0x4d60a7bcdab55f7du, "0x%llx", (unsigned long long)hash);
}
END_TEST

/* Keras's fans of kernels with several axes of outputs: bounds are sqrt(6 / (inputs + outputs)). */
static const struct {
    const char *layer;
    int64_t variable;
    double inputs, outputs;
} fans[] = {
    {"\"MultiHeadAttention\", \"config\": {\"num_heads\": 8, \"key_dim\": 20, \"value_dim\": 15}", 0, 60, 160},
    {"\"MultiHeadAttention\", \"config\": {\"num_heads\": 8, \"key_dim\": 20, \"value_dim\": 15}", 4, 60, 120},
    {"\"MultiHeadAttention\", \"config\": {\"num_heads\": 8, \"key_dim\": 20, \"value_dim\": 15}", 6, 120, 60},
    {"\"GroupQueryAttention\", \"config\": {\"head_dim\": 20, \"num_query_heads\": 8, \"num_key_value_heads\": 4}", 2,
     60, 80},
    {"\"EinsumDense\", \"config\": {\"equation\": \"abc,cde->abde\", \"output_shape\": [null, 8, 20]}", 0, 60, 160},
    {"\"EinsumDense\", \"config\": {\"equation\": \"abc,dc->abd\", \"output_shape\": [null, 50]}", 0, 60, 50},
    {"\"EinsumDense\", \"config\": {\"equation\": \"abc,bcd->abd\", \"output_shape\": [4, 30]}", 0, 60, 120},
};

START_TEST(initializer_fans)
{
    char text[1024];
    bool einsum = strstr(fans[_i].layer, "Einsum") != NULL;
    antler_error err = {0};
    snprintf(text, sizeof text,
             "{\"class_name\": \"Model\", \"config\": {\"name\": \"m\", \"layers\": ["
             "{\"class_name\": \"InputLayer\", \"name\": \"x\", \"config\": {\"name\": \"x\", \"batch_shape\": [null, "
             "4, 60]}, "
             "\"inbound_nodes\": []}, {\"class_name\": %s, \"name\": \"y\", \"inbound_nodes\": [[[\"x\", 0, 0]%s]]}], "
             "\"input_layers\": [[\"x\", 0, 0]], \"output_layers\": [[\"y\", 0, 0]]}}",
             fans[_i].layer, einsum ? "" : ", [\"x\", 0, 0]");
    antler_model *model = antler_load_json(text, NULL, &err);
    ck_assert_msg(model && antler_build(model) == ANTLER_OK, "%s: %s", fans[_i].layer, err.message);
    const antler_tensor *w = &antler_model_variable(model, fans[_i].variable)->value;
    const moments m = moments_of(w->data, antler_count(&w->shape, 0));
    double bound = sqrt(6 / (fans[_i].inputs + fans[_i].outputs));
    ck_assert_double_eq_tol(fmax(m.high, -m.low), bound, 0.01 * bound);
    antler_model_free(model);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("initializers");
    tcase_add_loop_test(tests, initializer_moments, 0, DRAWS);
    tcase_add_test(tests, initializer_seeds);
    tcase_add_loop_test(tests, initializer_orthogonal, 0, 5);
    tcase_add_test(tests, initializer_shapes);
    tcase_add_test(tests, initializer_hash);
    tcase_add_loop_test(tests, initializer_fans, 0, sizeof fans / sizeof *fans);
    return run_suite("initializers", tests);
}
