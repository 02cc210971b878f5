/* The program of docs/c-api.md: trains a network on arrays, saves it, loads it and asks it. */
#include "antler/antler.h"

#include <math.h>
#include <stdio.h>

enum { POINTS = 512 };

static float point[POINTS][2];
static int32_t ring[POINTS]; /* which of two rings the point is on */

static void make_points(void)
{
    for (int i = 0; i < POINTS; i++) {
        ring[i] = i % 2;
        double angle = 2.4 * i, radius = ring[i] ? 1.0 : 0.5;
        point[i][0] = (float)(radius * cos(angle));
        point[i][1] = (float)(radius * sin(angle));
    }
}

/* No check in here: the first error stays with the model, and antler_fit returns it. */
static antler_model *build(void)
{
    antler_model *m = antler_sequential("rings", (int[]){2}, 1, NULL);
    antler_add(m, dense, .units = 32, .activation = "relu");
    antler_add(m, dropout, .rate = 0.2);
    antler_add(m, dense, .units = 2, .activation = "softmax");
    antler_compile(m, .optimizer = "adam", .learning_rate = 0.01, .loss = "sparse_categorical_crossentropy",
                   .metrics = {"accuracy"});
    return m;
}

static antler_status train(antler_model *m, antler_error *err)
{
    antler_data *x = antler_data_from(point, ANTLER_FLOAT32, &(antler_shape){2, {POINTS, 2}}, err);
    antler_data *y = antler_data_from(ring, ANTLER_INT32, &(antler_shape){1, {POINTS}}, err);
    antler_logs logs;
    antler_status status = err->status;
    if (status == ANTLER_OK)
        status = antler_fit(m, x, y, .epochs = 20, .batch_size = 32, .validation_split = 0.25, .seed = 1);
    if (status != ANTLER_OK)
        *err = *antler_model_error(m);
    else
        status = antler_evaluate(m, x, y, 256, 0, &logs, err);
    if (status == ANTLER_OK) /* "loss", then the metrics */
        printf("dropout off: %s %.4f, %s %.4f\n", logs.name[0], logs.value[0], logs.name[1], logs.value[1]);
    antler_data_free(x);
    antler_data_free(y);
    return status == ANTLER_OK ? antler_save(m, "rings.keras", err) : status;
}

/* One point through a context, as a server would: no memory is taken from here on. */
static antler_status ask(antler_context *context, antler_error *err)
{
    const antler_real x[2] = {0, 1};
    antler_real y[2];
    for (int64_t sample = 0; sample < 3; sample++) {
        antler_context_seek(context, sample, 0); /* which noise; without effect in ANTLER_INFER */
        ANTLER_TRY(antler_forward(context, x, 1, y, err));
        printf("outer ring with probability %.4f\n", (double)y[1]);
    }
    return ANTLER_OK;
}

static antler_status serve(antler_error *err)
{
    antler_model *m = antler_load("rings.keras", err);
    antler_context *context = m ? antler_context_create(m, ANTLER_MC, 1, 1, 0, err) : NULL;
    antler_status status = context ? ask(context, err) : err->status;
    antler_context_free(context);
    antler_model_free(m);
    return status;
}

int main(void)
{
    antler_error err = {0};
    char text[1100];
    make_points();
    antler_model *m = build();
    antler_status status = train(m, &err);
    antler_model_free(m);
    if (status == ANTLER_OK)
        status = serve(&err);
    if (status != ANTLER_OK)
        fprintf(stderr, "%s\n", antler_error_text(&err, text, sizeof text));
    return status == ANTLER_OK ? 0 : 1;
}
