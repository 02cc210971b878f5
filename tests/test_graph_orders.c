/* The order of layers and of calls in 80 random Functional models, as Keras 3.15 has it (graph_orders.json, by
   make_graph_orders.py): numbers of variables in files follow it. */
#include "antler/antler.h"
#include "config/json.h"
#include "files/file.h"
#include "model/model.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

static antler_json *orders;

/* "layers": names; "calls": [layer, number of its call]; "models": the same of the models in it. */
static void check_order(const antler_tree *tree, const antler_json *wanted, int graph)
{
    const antler_json *name = antler__json_first(antler__json_get(wanted, "layers"));
    const antler_json *call = antler__json_first(antler__json_get(wanted, "calls"));
    for (int64_t i = 0; i < tree->ordered; i++, name = antler__json_next(name)) {
        const antler_tree_member *member = &tree->member[tree->order[i]];
        ck_assert_msg(name && strcmp(antler__json_string(name), antler__member_name(member)) == 0,
                      "graph %d, %s: layer %d is %s, Keras has %s", graph, tree->name, (int)i,
                      antler__member_name(member), name ? antler__json_string(name) : "no more");
        if (member->model)
            check_order(member->model, antler__json_get(antler__json_get(wanted, "models"), antler__json_string(name)),
                        graph);
    }
    ck_assert_msg(!name, "graph %d, %s: Keras has more layers", graph, tree->name);
    for (int64_t i = 0; i < tree->steps; i++, call = antler__json_next(call)) {
        const antler_turn *turn = &tree->step[i];
        const char *got = antler__member_name(&tree->member[turn->member]);
        const antler_json *wanted_name = call ? antler__json_first(call) : NULL;
        ck_assert_msg(wanted_name && strcmp(antler__json_string(wanted_name), got) == 0 &&
                          antler__json_number(antler__json_next(wanted_name)) == (double)turn->call,
                      "graph %d, %s: step %d is call %d of %s", graph, tree->name, (int)i, (int)turn->call, got);
    }
    ck_assert_msg(!call, "graph %d, %s: Keras makes more calls", graph, tree->name);
}

START_TEST(order_is_that_of_keras)
{
    antler_error err = {0};
    const antler_json *item = antler__json_first(antler__json_get(orders, "cases"));
    for (int i = 0; i < _i; i++)
        item = antler__json_next(item);
    char *text = antler__json_print(antler__json_get(item, "model"), true);
    antler_model *m = antler_load_json(text, NULL, &err);
    must(m ? ANTLER_OK : err.status, &err);
    must(antler_build(m), antler_model_error(m));
    check_order(m->tree, antler__json_get(item, "order"), _i);
    antler_model_free(m);
    antler_text_free(text);
}
END_TEST

int main(void)
{
    void *text;
    size_t size;
    antler_error err = {0};
    if (antler__file_read(ANTLER_SOURCE_DIR "/tests/graph_orders.json", 1 << 24, &text, &size, &err) != ANTLER_OK ||
        antler__json_parse(text, size, &orders, &err) != ANTLER_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    antler_text_free(text);
    TCase *tests = tcase_create("orders");
    tcase_add_loop_test(tests, order_is_that_of_keras, 0, (int)antler__json_length(antler__json_get(orders, "cases")));
    int failed = run_suite("graph_orders", tests);
    antler__json_free(orders);
    return failed;
}
