/* Tables as x and y of a model. */
#include "antler/table.h"
#include "antler/parts.h"
#include "core/memory.h"
#include "files/columns.h"
#include "files/csv.h"
#include "model/model.h"
#include "train/data.h"

#include <stdio.h>
#include <string.h>

static const antler_table_choice nothing_chosen;

/* ---- data -------------------------------------------------------------------------------------------------------- */

/* Takes the values, also on failure. */
static antler_data *take(const char *file, const char *name, antler_real *values, const antler_shape *shape,
                         antler_error *err)
{
    antler_data *data = antler__data_create(file, name, err);
    if (!data) {
        antler__free(values);
        return NULL;
    }
    data->values = (const unsigned char *)values;
    data->dtype = ANTLER_DTYPE_REAL;
    data->shape = *shape;
    data->row_elements = antler_count(shape, 1);
    data->row_bytes = (size_t)data->row_elements * sizeof *values;
    return data;
}

/* (rows, 64) for a model of (8, 8) is in that shape. */
static antler_shape input_shape(const antler_model *model, int64_t rows, int64_t width)
{
    const antler_shape *in = antler_model_input(model, 0, NULL);
    antler_shape shape = {2, {rows, width}};
    bool open = !in || antler_model_input(model, 1, NULL);
    for (int i = 1; !open && i < in->rank; i++)
        open = in->dim[i] < 0;
    if (!open && in->rank > 2 && antler_count(in, 1) == width) {
        shape = *in;
        shape.dim[0] = rows;
    }
    return shape;
}

/* Numbers of a sample; -1 where the data decides, or there are several inputs. */
static int64_t input_width(const antler_model *model)
{
    const antler_shape *in = antler_model_input(model, 0, NULL);
    int64_t width = 1;
    if (antler_model_input(model, 1, NULL))
        return -1;
    for (int i = 1; i < in->rank; i++)
        width = in->dim[i] < 0 || width < 0 ? -1 : width * in->dim[i];
    return width;
}

/* ---- whether columns are what the model takes -------------------------------------------------------------------- */

/* "color 3, size 2": the columns of texts. */
static void list_texts(const antler_columns *columns, char *text, size_t size)
{
    size_t used = 0;
    *text = '\0';
    for (int64_t i = 0; i < columns->n[ANTLER_COLUMNS_X] && used < size - 1; i++) {
        const antler_column *column = &columns->column[ANTLER_COLUMNS_X][i];
        if (column->form == ANTLER_FORM_CATEGORIES)
            used += (size_t)snprintf(text + used, size - used, "%s%.40s%s%lld", used ? ", " : "; of them ",
                                     column->name ? column->name : "column", column->name ? " " : " ",
                                     (long long)column->n);
    }
}

static antler_status check_inputs(const antler_model *model, const antler_columns *columns, antler_error *err)
{
    int64_t width = 0, wanted = input_width(model), tokens = antler_input_tokens(model, 0);
    char texts[200], shape[128];
    for (int64_t i = 0; i < columns->n[ANTLER_COLUMNS_X]; i++) {
        const antler_column *column = &columns->column[ANTLER_COLUMNS_X][i];
        width += antler__column_width(column, false);
        if (column->form == ANTLER_FORM_TOKENS && tokens > 2 && column->n >= tokens)
            return antler_error_set(
                err, ANTLER_SHAPE, "x",
                "column \"%.60s\" has %lld texts, tokens 1 to %lld; the model takes tokens below %lld",
                column->name ? column->name : "", (long long)column->n, (long long)column->n, (long long)tokens);
    }
    if (width == wanted || wanted < 0)
        return ANTLER_OK;
    list_texts(columns, texts, sizeof texts);
    return antler_error_set(err, ANTLER_SHAPE, "x", "the %lld columns make %lld inputs%s; the model's input is %s",
                            (long long)columns->n[ANTLER_COLUMNS_X], (long long)width, texts,
                            antler_shape_text(antler_model_input(model, 0, NULL), shape, sizeof shape));
}

/* The classes of y; NULL: it has none. */
static const antler_column *classes_of(const antler_columns *columns)
{
    const antler_column *y = columns ? columns->column[ANTLER_COLUMNS_Y] : NULL;
    return y && y->form == ANTLER_FORM_CLASSES ? y : NULL;
}

/* How the loss wants classes, and whether the output has one for each. */
static antler_status choose_classes(const antler_model *model, const antler_columns *columns, bool *one_hot,
                                    antler_error *err)
{
    const antler_column *y = classes_of(columns);
    const antler_shape *out = antler_model_output(model, 0, NULL);
    antler_object object;
    char shape[128];
    *one_hot = false;
    if (!y)
        return ANTLER_OK;
    antler_model_object(model, ANTLER_KIND_LOSS, 0, &object);
    const antler_loss_ops *loss = (const antler_loss_ops *)object.type;
    int64_t width = out->rank > 1 ? out->dim[out->rank - 1] : 1;
    bool sparse = loss && loss->sparse;
    *one_hot = !sparse && width > 1;
    if (width < 0 || (sparse ? y->n <= width : y->n == (width == 1 ? 2 : width)))
        return ANTLER_OK;
    return antler_error_set(err, ANTLER_SHAPE, "y",
                            "%lld classes, %.60s to %.60s; the model's output %s tells %lld apart", (long long)y->n,
                            y->text[0], y->text[y->n - 1], antler_shape_text(out, shape, sizeof shape),
                            (long long)(sparse || width > 1 ? width : 2));
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static antler_status make_wish(const antler_model *model, const antler_table_choice *choice, bool learns, bool targets,
                               antler_wish *wish, antler_error *err)
{
    const antler_fit_settings none = {0}, *fit = learns && model->fit ? model->fit : &none;
    const char *missing = choice->missing ? choice->missing : fit->missing;
    bool recorded = model->columns;
    *wish = (antler_wish){
        .x = choice->x || recorded ? choice->x : fit->x,
        .y = choice->y || recorded ? choice->y : fit->y,
        .weight = choice->sample_weight ? choice->sample_weight : fit->sample_weight,
        .tokens = choice->tokens ? choice->tokens : fit->tokens,
        .categories = choice->categories ? choice->categories : fit->categories,
        .validation = choice->validation_split > 0 ? choice->validation_split : fit->args.validation_split,
        .tokens_rule = antler_input_tokens(model, 0) > 0,
        .targets = targets,
    };
    if (!antler__missing_find(missing, &wish->missing))
        return antler_error_set(err, ANTLER_VALUE, "missing", "\"%.40s\" is not refuse, drop or mean", missing);
    if (!missing && recorded)
        wish->missing = model->columns->missing;
    return ANTLER_OK;
}

static antler_status take_filled(const antler_model *model, const antler_sheet *sheet, antler_filled *filled,
                                 antler_data **x, antler_data **y, antler_error *err)
{
    antler_shape shape = input_shape(model, filled->rows, filled->width[0]);
    antler_data *weight = NULL;
    *x = take(sheet->file, "x", filled->value[0], &shape, err);
    if (*x)
        (*x)->warning = filled->warning;
    shape = (antler_shape){2, {filled->rows, filled->width[1]}};
    if (y)
        *y = take(sheet->file, "y", filled->value[1], &shape, err);
    shape.dim[1] = filled->width[2];
    if (filled->value[2])
        weight = take(sheet->file, "sample_weight", filled->value[2], &shape, err);
    if (y && *y && weight) {
        (*y)->weight = weight;
        (*y)->owns_weight = true;
    } else {
        antler_data_free(weight);
    }
    if (*x && (!y || *y) && (weight || !filled->value[2]))
        return ANTLER_OK;
    antler_data_free(*x);
    antler_data_free(y ? *y : NULL);
    return ANTLER_MEMORY;
}

/* A table for columns that are known. */
static antler_status fill(const antler_model *model, const antler_sheet *sheet, const antler_wish *wish,
                          const antler_columns *columns, antler_data **x, antler_data **y, antler_error *err)
{
    antler_filled filled;
    bool one_hot;
    ANTLER_TRY(check_inputs(model, columns, err));
    ANTLER_TRY(choose_classes(model, columns, &one_hot, err));
    ANTLER_TRY(antler__columns_fill(sheet, wish, columns, one_hot, &filled, err));
    return take_filled(model, sheet, &filled, x, y, err);
}

static antler_status learn(antler_model *model, const antler_sheet *sheet, antler_wish *wish, antler_data **x,
                           antler_data **y, antler_error *err)
{
    antler_columns *columns;
    if (model->columns)
        return fill(model, sheet, wish, model->columns, x, y, err);
    ANTLER_TRY(antler__columns_learn(sheet, wish, &columns, err));
    wish->x = wish->y = NULL; /* the columns know their places now */
    antler_status status = fill(model, sheet, wish, columns, x, y, err);
    if (status == ANTLER_OK)
        model->columns = columns;
    else
        antler__columns_free(columns);
    return status;
}

/* Of a model without a record: numbers alone, as nothing says what a text means. */
static antler_status open_unrecorded(const antler_model *model, const antler_sheet *sheet, antler_wish *wish,
                                     antler_data **x, antler_data **y, antler_error *err)
{
    antler_columns *columns;
    antler_real *values;
    antler_shape shape;
    if (!y) {
        bool all = !wish->x && sheet->columns == input_width(model);
        ANTLER_TRY(antler__sheet_read(sheet, wish->x || all ? wish->x : "x_test", &values, &shape, err));
        shape = input_shape(model, shape.dim[0], shape.dim[1]);
        *x = take(sheet->file, "x", values, &shape, err);
        if (*x)
            (*x)->warning = sheet->warning;
        return *x ? ANTLER_OK : ANTLER_MEMORY;
    }
    ANTLER_TRY(antler__columns_learn(sheet, wish, &columns, err));
    antler_status status = ANTLER_OK;
    for (int side = 0; status == ANTLER_OK && side < 2; side++)
        for (int64_t i = 0; i < columns->n[side]; i++)
            if (columns->column[side][i].text)
                status = antler__cell_fail(sheet, columns->column[side][i].place, &(antler_cell){0},
                                           "texts, and the model does not know what they mean: it was not trained with "
                                           "a table",
                                           err);
    wish->x = wish->y = NULL;
    if (status == ANTLER_OK)
        status = fill(model, sheet, wish, columns, x, y, err);
    antler__columns_free(columns);
    return status;
}

static antler_status open_table(antler_model *model, const char *path, const antler_table_choice *choice, bool learns,
                                antler_data **x, antler_data **y, antler_error *err)
{
    antler_sheet sheet;
    antler_wish wish;
    if (antler_build(model) != ANTLER_OK)
        return antler__error_copy(err, antler_model_error(model));
    ANTLER_TRY(make_wish(model, choice ? choice : &nothing_chosen, learns, y, &wish, err));
    bool by_name = (wish.x && !antler__is_place(wish.x)) || (model->columns && model->columns->column[0][0].name);
    ANTLER_TRY(antler__sheet_open(path, by_name, &sheet, err));
    antler_status status = learns           ? learn(model, &sheet, &wish, x, y, err)
                           : model->columns ? fill(model, &sheet, &wish, model->columns, x, y, err)
                                            : open_unrecorded(model, &sheet, &wish, x, y, err);
    antler__error_file(err, sheet.file);
    antler__sheet_close(&sheet);
    return status;
}

/* What is not there is an error of its own, and *x and *y are NULL after any. */
static antler_status open_checked(antler_model *model, const char *path, const antler_table_choice *choice, bool learns,
                                  antler_data **x, antler_data **y, antler_error *err)
{
    antler_error error = {0};
    ANTLER_TRY(antler__require(model, "model", err));
    ANTLER_TRY(antler__require(path, "path", err));
    ANTLER_TRY(antler__require(x, "place for x", err));
    *x = NULL;
    if (y)
        *y = NULL;
    antler_status status = open_table(model, path, choice, learns, x, y, &error);
    if (status == ANTLER_OK)
        return status;
    *x = NULL;
    if (y)
        *y = NULL;
    return antler__error_copy(err, &error);
}

antler_status antler_table_learn(antler_model *model, const char *path, const antler_table_choice *choice,
                                 antler_data **x, antler_data **y, antler_error *err)
{
    ANTLER_TRY(antler__require(y, "place for y", err));
    return open_checked(model, path, choice, true, x, y, err);
}

antler_status antler_table_open(antler_model *model, const char *path, const antler_table_choice *choice,
                                antler_data **x, antler_data **y, antler_error *err)
{
    return open_checked(model, path, choice, false, x, y, err);
}

const char *antler_class_name(const antler_model *model, int64_t index)
{
    const antler_column *y = model ? classes_of(model->columns) : NULL;
    return y && index >= 0 && index < y->n ? y->text[index] : NULL;
}
