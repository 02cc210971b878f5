/* The promise of the same bits, for graphs: random ones are trained, and a hash of all that comes of it must be the
   constant below, on every instruction set (CTest runs this suite under each). Float only, as test_bits.c. */
#include "graph_passes.h"

enum { GRAPHS = 150 };

START_TEST(instruction_sets_change_no_bit)
{
    uint64_t hash = hash_start;
    for (int seed = 0; seed < GRAPHS; seed++) {

        antler_error err = {0};
        graph *g = random_graph((uint64_t)seed, 0, 0);
        antler_model *m = graph_model(g, (form){0});
        antler_context *c = context_with(m, 2, 0);
        pass *p = pass_new();
        for (int step = 0; step < 3; step++) {
            run_loss(c, p);
            must(antler_update(c, &err), &err);
        }
        hash = hash_bytes(hash, p->y, sizeof p->y);
        hash = hash_bytes(hash, p->dx, sizeof p->dx);
        for (int64_t i = 0; i < m->variables; i++)
            hash =
                hash_bytes(hash, m->variable[i].view.value.data, (size_t)m->variable[i].length * sizeof(antler_real));
        antler_context_free(c);
        antler_model_free(m);
        graph_free(g);
        free(p);
    }
    ck_assert_msg(hash == 0xea3954a9ca0a9488u, "%s: the hash is 0x%016llxu", antler_isa(NULL),
                  (unsigned long long)hash);
}
END_TEST

int main(void)
{
    const char *complaint;
    printf("Kernels: %s\n", antler_isa(&complaint));
    if (complaint) {
        printf("SKIP: %s\n", complaint);
        return SKIPPED;
    }
    TCase *tests = tcase_create("bits");
    tcase_add_unchecked_fixture(tests, register_layers, NULL);
    tcase_add_test(tests, instruction_sets_change_no_bit);
    return run_suite("graph_bits", tests);
}
