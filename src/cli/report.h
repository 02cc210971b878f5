/* The report of a training: what train keeps for it, and the page. */
#ifndef ANTLER_REPORT_H
#define ANTLER_REPORT_H

#include "cli/analysis.h"
#include "cli/runs.h"

enum { ANTLER_REPORT_TEXT = 4096 };

/* DIR/data.json: which data a training had. */
typedef struct antler_report_data {
    char model[ANTLER_REPORT_TEXT], data[ANTLER_REPORT_TEXT], x[512], y[512], validation_x[512], validation_y[512];
    double split; /* validation_split, or 0 */
} antler_report_data;

/* At the end of train --log-dir: writes DIR/model.keras, where the model can be said so, and DIR/data.json. */
antler_status antler__report_keep(const antler_arguments *a, antler_model *model, const char *data, antler_error *err);
antler_status antler__report_data_read(antler_report_data *data, const char *folder, antler_error *err);

/* Of one set, training or validation. {0} is none. */
typedef struct antler_report_set {
    const char *title;
    antler_set x, y;
    antler_logs logs; /* in inference */
} antler_report_set;

/* All that the page shows. */
typedef struct antler_report {
    const char *folder;
    antler_history_table history;
    antler_chart *chart; /* of the history */
    int charts;
    antler_model *model; /* NULL: the folder has none */
    char missing[1200];  /* why there is no model, or nothing of its data; "" */
    antler_report_set training, validation;
    const antler_report_set *judged;    /* the set that predictions are shown of */
    antler_predictions predictions, mc; /* mc: of the first rows alone; n 0: none */
    antler_analysis *analysis;          /* [predictions.n]; p NULL: an output without targets */
} antler_report;

/* Writes the page. */
void antler__report_page(FILE *file, const antler_report *report);
/* The network as an SVG. */
void antler__drawing_svg(FILE *file, const antler_model *model);
/* An <img> of a sample of height x width pixels of 1 or 3 channels; its values are stretched to what is shown. */
void antler__picture_put(FILE *file, const antler_real *x, int64_t height, int64_t width, int64_t channels);

#endif
