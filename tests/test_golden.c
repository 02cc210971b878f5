/* The golden cases of Sequential models that real Keras wrote (tests/golden): every case there must load from each of
   its files and agree in prediction, loss, gradients and training, within the tolerances of its index; and what is
   saved of it loads again as the same model. */
#include "round_trips.h"

START_TEST(agrees_with_keras)
{
    const antler_json *item = item_at(cases(), _i);
    open_values(item);
    antler_model *model = load(item, "model.json");
    set_weights(model, item);
    check_predict(model, item, "model.json");
    if (value("loss", -1))
        check_loss(model, item);
    if (listed(item, "has", "grad_train"))
        check_gradients(model, item, "grad_train", 0);
    if (listed(item, "has", "after")) {
        set_weights(model, item); /* moving statistics were updated */
        check_training(model, item);
    }
    check_round_trips(model, item);
    check_metrics(model, item);
    antler_model_free(model);
    check_files(item);
    antler__entries_free(&io);
}
END_TEST

int main(void)
{
    int status = open_cases(ANTLER_SOURCE_DIR "/tests/golden");
    if (status >= 0)
        return status;
    TCase *tests = tcase_create("keras");
    tcase_add_loop_test(tests, agrees_with_keras, 0, (int)antler__json_length(cases()));
    int failed = run_suite("golden", tests);
    printf("Cases of chains: %lld\n", (long long)antler__json_length(cases()));
    antler__json_free(golden_index);
    return failed;
}
