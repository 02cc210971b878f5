/* The golden cases of Functional models (tests/golden_graphs), written by Keras 3.15, Keras 2.15 and tf-keras 2.21.
   Beside what test_golden.c asks of a case: the order of layers and of calls is Keras's, and what is saved loads again
   as the same model, optimizer included. */
#include "core/text.h"
#include "golden.h"
#include "model/tree.h"
#include "round_trips.h"

/* Files of Keras 2 say in their .json nothing of training. */
static antler_model *load_compiled(const antler_json *item)
{
    return load(item, listed(item, "files", "model.h5") ? "model.h5" : "model.keras");
}

/* The model of model.json, built. */
static antler_model *load_built(const antler_json *item)
{
    antler_model *model = load(item, "model.json");
    ensure(antler_build(model), antler_model_error(model), "model.json", item);
    return model;
}

/* ---- order ---- */

/* A list of the file io.h5, which is JSON; NULL: it has none. */
static antler_json *list_of(const char *attribute)
{
    char name[64];
    antler_error err = {0};
    antler_json *list;
    snprintf(name, sizeof name, "/@%s", attribute);
    const antler_entry *e = antler__entries_find(&io, name);
    if (!e)
        return NULL;
    must(antler__json_parse(e->data, strlen(e->data), &list, &err), &err);
    return list;
}

static bool is_operator(const antler_tree_member *member)
{
    return antler__member_is_operator(member) || (!member->model && !member->layer.type);
}

static void check_layer_order(const antler_tree *tree, const char *name)
{
    antler_json *list = list_of("layer_order");
    const antler_json *wanted = antler__json_first(list);
    for (int64_t i = 0; i < tree->ordered; i++) {
        const antler_tree_member *member = &tree->member[tree->order[i]];
        bool layer = wanted && strcmp(antler__json_string(wanted), antler__member_name(member)) == 0;
        if ((is_operator(member) && !layer) /* in Keras 2 they are layers */ ||
            (tree->sequential && antler__member_is_source(member)))
            continue;
        ck_assert_msg(layer, "%s: layer %lld is \"%s\", Keras has \"%s\"", name, (long long)i,
                      antler__member_name(member), wanted ? antler__json_string(wanted) : "none");
        wanted = antler__json_next(wanted);
    }
    ck_assert_msg(!wanted, "%s: Keras has a layer more, \"%s\"", name, wanted ? antler__json_string(wanted) : "");
    antler__json_free(list);
}

static bool is_input(const antler_tree *tree, const char *name)
{
    for (int64_t k = 0; k < tree->inputs; k++)
        if (strcmp(name, antler__member_name(&tree->member[tree->input[k].member])) == 0)
            return true;
    return false;
}

/* Where each call comes, but for inputs. */
static void check_execution(const antler_tree *tree, const char *name)
{
    antler_json *list = list_of("execution");
    const antler_json *wanted = list ? antler__json_first(list) : NULL;
    int64_t i = 0;
    for (; wanted; wanted = antler__json_next(wanted)) {
        const char *giver = antler__json_string(antler__json_first(wanted));
        int64_t call = (int64_t)antler__json_number(item_at(wanted, 1));
        if (is_input(tree, giver))
            continue;
        ck_assert_msg(i < tree->steps, "%s: Keras has more than %lld calls", name, (long long)i);
        const antler_turn *turn = &tree->step[i];
        const char *got = antler__member_name(&tree->member[turn->member]);
        ck_assert_msg(strcmp(giver, got) == 0 && call == turn->call,
                      "%s: step %lld is call %lld of \"%s\", Keras has call %lld of \"%s\"", name, (long long)i,
                      (long long)turn->call, got, (long long)call, giver);
        i++;
    }
    ck_assert_msg(!list || i == tree->steps, "%s: more calls than Keras's %lld", name, (long long)i);
    antler__json_free(list);
}

static const char *last_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Keras's path of each weight ends in the variable's name ("depthwise_kernel" in Keras 2). */
static void check_variables(antler_model *model, const antler_json *item)
{
    antler_json *list = list_of("variables");
    int64_t k = 0;
    for (const antler_json *path = antler__json_first(list); path; path = antler__json_next(path), k++) {
        const antler_variable *v = antler_model_variable(model, k);
        ck_assert_msg(v && antler__ends_with(antler__json_string(path), last_of(v->name)),
                      "%s: weight %lld is \"%s\" of \"%s\", Keras has \"%s\"", text_at(item, "name"), (long long)k,
                      v ? v->name : "", v ? v->layer : "", antler__json_string(path));
    }
    antler__json_free(list);
}

/* ---- the whole ---- */

static void check_gradients_of(antler_model *model, const antler_json *item)
{
    bool random = antler__json_bool(antler__json_get(item, "random"));
    if (listed(item, "has", "grad_train"))
        check_gradients(model, item, "grad_train", 0);
    else if (!listed(item, "layers", "BatchNormalization")) /* else it is that of inference, which is never trained */
        check_gradients(model, item, "grad", random ? ANTLER_SILENT : 0);
    set_weights(model, item); /* moving statistics were updated */
}

START_TEST(agrees_with_keras)
{
    const antler_json *item = item_at(cases(), _i);
    open_values(item);
    antler_model *model = load_built(item);
    set_weights(model, item);
    check_layer_order(model->tree, text_at(item, "name"));
    check_execution(model->tree, text_at(item, "name"));
    check_variables(model, item);
    check_predict(model, item, "model.json");
    if (!model->compile) {
        antler_model_free(model);
        model = load_compiled(item);
        set_weights(model, item);
    }
    check_loss(model, item);
    check_gradients_of(model, item);
    if (listed(item, "has", "after"))
        check_training(model, item);
    check_round_trips(model, item);
    antler_model_free(model);
    check_files(item);
    antler__entries_free(&io);
}
END_TEST

int main(void)
{
    int status = open_cases(ANTLER_SOURCE_DIR "/tests/golden_graphs");
    if (status >= 0)
        return status;
    TCase *tests = tcase_create("keras");
    tcase_add_loop_test(tests, agrees_with_keras, 0, (int)antler__json_length(cases()));
    int failed = run_suite("graphs", tests);
    printf("Cases of graphs: %lld\n", (long long)antler__json_length(cases()));
    antler__json_free(golden_index);
    return failed;
}
