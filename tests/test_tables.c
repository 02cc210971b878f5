/* Tables: every form of text file that people have, what a model learns of one and does with the next, and answers. */
#include "antler/table.h"
#include "networks.h"
#include "scratch.h"
#include "torture.h"

#include <math.h>

static const char *table(const char *name, const char *text)
{
    const char *path = scratch_path(name);
    scratch_write(path, text, strlen(text));
    return path;
}

/* A model of `inputs` numbers, whose output is `units` wide. */
static antler_model *numbers_model(int inputs, int units, const char *loss)
{
    antler_model *m = antler_sequential("m", (int[]){inputs}, 1, NULL);
    antler_add(m, dense, .units = units, .activation = units > 1 ? "softmax" : "sigmoid");
    antler_compile(m, .optimizer = "sgd", .loss = loss);
    return m;
}

static void expect_rows(const antler_data *data, int64_t rows, int64_t width, const double *value)
{
    ck_assert_int_eq(antler_data_shape(data)->dim[0], rows);
    ck_assert_int_eq(antler_count(antler_data_shape(data), 1), width);
    antler_real row[32];
    for (int64_t i = 0; i < rows; i++) {
        antler_error err = {0};
        must(antler_data_gather(data, &i, 1, row, &err), &err);
        for (int64_t k = 0; k < width; k++)
            ck_assert_msg(fabs((double)row[k] - value[i * width + k]) < 1e-5, "row %d, %d: %g, expected %g", (int)i,
                          (int)k, (double)row[k], value[i * width + k]);
    }
}

/* The x and y that a model of these sizes learns to take of a table. */
typedef struct learned {
    antler_model *model;
    antler_data *x, *y;
} learned;

static learned learn(const char *path, int inputs, int units, const char *loss, antler_table_choice choice)
{
    learned l = {.model = numbers_model(inputs, units, loss)};
    antler_error err = {0};
    must(antler_table_learn(l.model, path, &choice, &l.x, &l.y, &err), &err);
    ck_assert_int_eq(err.status, ANTLER_OK);
    return l;
}

static void drop(learned *l)
{
    antler_data_free(l->x);
    antler_data_free(l->y);
    antler_model_free(l->model);
}

static void refuse(const char *path, int inputs, int units, const char *loss, antler_table_choice choice,
                   antler_status status, const char *message)
{
    antler_model *m = numbers_model(inputs, units, loss);
    antler_error err = {0};
    antler_data *x, *y;
    ck_assert_int_eq(antler_table_learn(m, path, &choice, &x, &y, &err), status);
    expect_error(&err, status, message);
    ck_assert_ptr_null(x);
    ck_assert_ptr_null(y);
    ck_assert_ptr_null(antler_class_name(m, 0));
    antler_model_free(m);
}

static const char *const sparse = "sparse_categorical_crossentropy";

/* ---- forms ------------------------------------------------------------------------------------------------------- */

/* All of them say the same two rows. */
static const char *const forms[] = {
    "a,b,c\n1.5,2,x\n-3,40,y\n",
    "a;b;c\n1.5;2;x\n-3;40;y\n",
    "a;b;c\n1,5;2;x\n-3;40;y\n",
    "a\tb\tc\n1.5\t2\tx\n-3\t40\ty\n",
    "a\tb\tc\n1,5\t2\tx\n-3\t4e1\ty\n",
    "\xef\xbb\xbf"
    "a,b,c\r\n1.5,2,x\r\n\r\n-3,40,y\r\n",
    "1.5,2,x\n-3,40,y\n",
    "1,5;2;x\n-3;40;y",
    "a, b, c\n 1.5, 2, x\n -3, 40, y \n",
    "\"a\",\"b\",\"c\"\n\"1.5\",\"2\",\"x\"\n\"-3\",\"40\",\"y\"\n",
    "a,\"b \"\"quoted\"\", with; all\tthat\nthere is\",c\n1.5,2,x\n-3,40,y\n",
    "a;\"b,d\";c\n1.5;2;\"x\"\n-3;40;y\n",
    "a,2019,c\n1.5,2,x\n-3,40,y\n",
};

START_TEST(reads_every_form)
{
    learned l = learn(table("f.csv", forms[_i]), 2, 2, sparse, (antler_table_choice){0});
    expect_rows(l.x, 2, 2, (double[]){1.5, 2, -3, 40});
    expect_rows(l.y, 2, 1, (double[]){0, 1});
    ck_assert_str_eq(antler_class_name(l.model, 0), "x");
    ck_assert_str_eq(antler_class_name(l.model, 1), "y");
    ck_assert_ptr_null(antler_class_name(l.model, 2));
    drop(&l);
}
END_TEST

START_TEST(refuses_what_cannot_be_told)
{
    static const struct {
        const char *text, *message;
        antler_status status;
    } bad[] = {
        {"a;b,c;d\nx;y,z;w\nx;y,z;w\n", "t.csv:1: it cannot be told which of comma, semicolon and tab", ANTLER_DATA},
        {"a;b;c\n1,5;2.5;x\n1;2;y\n",
         "t.csv:2: column 2 (b): \"2.5\" has a decimal point, and a number of line 2 a comma", ANTLER_DATA},
        {"a;b;c\n1.234,5;2;x\n1;2;y\n", "t.csv:2: column 1 (a): \"1.234,5\" is not a finite number", ANTLER_DATA},
        {"a,b,c\n1,2,x\n1,2,3,y\n", "t.csv:3: more columns than the 3", ANTLER_DATA},
        {"a,b,c\n1,2,x\n1,y\n", "t.csv:3: fewer columns than the 3", ANTLER_DATA},
        {"a,b,c\n1,inf,x\n1,2,y\n", "t.csv:2: column 2 (b): \"inf\" is not a finite number", ANTLER_DATA},
        {"a,b,c\n1,1O,x\n1,2,y\n3,4,x\n", "t.csv:2: column 2 (b): \"1O\" is not a finite number", ANTLER_DATA},
        {"a,b,c\n1,2,\xfcx\n1,2,y\n", "x\" is not UTF-8; convert", ANTLER_DATA},
        {"a,\xfc,c\n1,2,x\n1,2,y\n", "t.csv:1: column 2 (", ANTLER_DATA},
        {"a,b,c\n", "t.csv: no rows", ANTLER_DATA},
        {"", "t.csv:1: the file is empty", ANTLER_DATA},
        {"a\n1\n", "t.csv: \"y_train\" needs two columns or more", ANTLER_NAME},
        {"a,b,c\n1,2,\"x\n", "t.csv:2: column 3 (c): \"x\" has an opening quote", ANTLER_DATA},
        {"5,a\n6,7\n", "t.csv: x: the 1 columns make 1 inputs; the model's input is (None, 2)", ANTLER_SHAPE},
        {"a,b,c\n1,2,x\n1,2,y\n1,2,z\n", "t.csv: y: 3 classes, x to z; the model's output (None, 2) tells 2 apart",
         ANTLER_SHAPE},
        {"a,b,c\nred,2,x\nblue,2,y\n",
         "t.csv: x: the 2 columns make 3 inputs; of them a 2; the model's input is (None, 2)", ANTLER_SHAPE},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(table("t.csv", bad[i].text), 2, 2, sparse, (antler_table_choice){0}, bad[i].status, bad[i].message);
}
END_TEST

/* ---- missing values ---------------------------------------------------------------------------------------------- */

static const char missing[] = "a,b,y\n1,2,0\n,4,1\nNA,6,0\n5,n/a,1\n7,NaN,0\n9,?,1\n11,NULL,0\n13,1,1\n";

START_TEST(missing_values)
{
    const char *path = table("m.csv", missing);
    refuse(
        path, 2, 2, sparse, (antler_table_choice){0}, ANTLER_DATA,
        "m.csv:3: column 1 (a): 6 missing values, in lines 3, 4, 5, 6, 7 ...; \"missing\": \"drop\" leaves such rows");
    refuse(path, 2, 2, sparse, (antler_table_choice){.missing = "median"}, ANTLER_VALUE,
           "missing: \"median\" is not refuse, drop or mean");
    learned l = learn(path, 2, 2, sparse, (antler_table_choice){.missing = "drop"});
    expect_rows(l.x, 2, 2, (double[]){1, 2, 13, 1});
    expect_rows(l.y, 2, 1, (double[]){0, 1});
    drop(&l);
    l = learn(path, 2, 2, sparse, (antler_table_choice){.missing = "mean", .validation_split = 0.5}); /* of 4 rows */
    expect_rows(l.x, 8, 2, (double[]){1, 2, 3, 4, 3, 6, 5, 4, 7, 4, 9, 4, 11, 4, 13, 1});
    drop(&l);
    path = table("m.csv", "a,y\n1,0\n2,\n3,1\n");
    refuse(path, 1, 2, sparse, (antler_table_choice){.missing = "mean"}, ANTLER_DATA,
           "m.csv:3: column 2 (y): 1 missing value, in line 3; \"missing\": \"drop\" leaves such rows out");
    l = learn(path, 1, 2, sparse, (antler_table_choice){.missing = "drop"});
    expect_rows(l.x, 2, 1, (double[]){1, 3});
    drop(&l);
    refuse(table("m.csv", "a,b,y\n1,,0\n2,,1\n"), 2, 2, sparse, (antler_table_choice){.missing = "mean"}, ANTLER_DATA,
           "column 2 (b): there is no value to learn from");
}
END_TEST

START_TEST(means_are_of_training)
{
    antler_error err = {0};
    antler_data *x;
    learned l = learn(table("m.csv", "a,y\n1,0\n,1\n3,1\n"), 1, 1, "mse", (antler_table_choice){.missing = "mean"});
    must(antler_table_open(l.model, table("n.csv", "a\n100\n?\n"), NULL, &x, NULL, &err), &err);
    expect_rows(x, 2, 1, (double[]){100, 2});
    antler_data_free(x);
    drop(&l);
    l = learn(table("m.csv", "a,y\n1,0\n,1\n3,1\n"), 1, 1, "mse", (antler_table_choice){.missing = "drop"});
    ck_assert_int_eq(antler_table_open(l.model, table("n.csv", "a\n100\n?\n"), NULL, &x, NULL, &err), ANTLER_DATA);
    expect_error(&err, ANTLER_DATA, "n.csv:3: column 1 (a): 1 missing value, in line 3; \"missing\": \"mean\" fills");
    err = (antler_error){0};
    must(antler_table_open(l.model, table("n.csv", "a\n100\n?\n"), &(antler_table_choice){.missing = "mean"}, &x, NULL,
                           &err),
         &err);
    expect_rows(x, 2, 1, (double[]){100, 2});
    antler_data_free(x);
    drop(&l);
}
END_TEST

/* ---- texts ------------------------------------------------------------------------------------------------------- */

START_TEST(classes_are_as_the_loss_takes_them)
{
    const char *path = table("c.csv", "a,kind\n1,b\n2,a\n3,\"c\"\n4,a\n");
    learned l = learn(path, 1, 3, "categorical_crossentropy", (antler_table_choice){0});
    expect_rows(l.y, 4, 3, (double[]){0, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0});
    drop(&l);
    refuse(path, 1, 2, "categorical_crossentropy", (antler_table_choice){0}, ANTLER_SHAPE, "y: 3 classes, a to c");
    refuse(path, 1, 1, "binary_crossentropy", (antler_table_choice){0}, ANTLER_SHAPE, "(None, 1) tells 2 apart");
    l = learn(table("c.csv", "a,kind\n1,yes\n2,no\n"), 1, 1, "binary_crossentropy", (antler_table_choice){0});
    expect_rows(l.y, 2, 1, (double[]){1, 0});
    drop(&l);
    l = learn(table("c.csv", "a,kind\n1,1\n2,2\n3,3\n"), 1, 3, sparse, (antler_table_choice){.categories = "kind"});
    expect_rows(l.y, 3, 1, (double[]){0, 1, 2});
    drop(&l);
    refuse(table("c.csv", "a,b,kind\n1,2,yes\n2,3,no\n"), 1, 2, "mse", (antler_table_choice){.y = "b,kind"},
           ANTLER_DATA, "column 3 (kind): classes beside another column of targets");
}
END_TEST

START_TEST(categories_and_tokens)
{
    const char *path = table("c.csv", "color,zip,y\nred,7,1\n\"a \"\"b\"\"\",8,2\nred,9,3\nblue,7,4\n");
    learned l = learn(path, 4, 1, "mse", (antler_table_choice){0});
    expect_rows(l.x, 4, 4, (double[]){0, 0, 1, 7, 1, 0, 0, 8, 0, 0, 1, 9, 0, 1, 0, 7});
    drop(&l);
    l = learn(path, 6, 1, "mse", (antler_table_choice){.categories = "zip"});
    expect_rows(l.x, 4, 6, (double[]){0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0});
    drop(&l);
    l = learn(path, 2, 1, "mse", (antler_table_choice){.tokens = "color"});
    expect_rows(l.x, 4, 2, (double[]){3, 7, 1, 8, 3, 9, 2, 7});
    drop(&l);
    refuse(path, 2, 1, "mse", (antler_table_choice){.tokens = "y"}, ANTLER_NAME, "tokens: a column that is no input");
    l = learn(table("c.csv", "color,y\nred,1\n,2\nblue,3\n"), 2, 1, "mse", (antler_table_choice){.missing = "mean"});
    expect_rows(l.x, 3, 2, (double[]){0, 1, 0, 0, 1, 0});
    drop(&l);
}
END_TEST

START_TEST(a_model_that_looks_up_takes_tokens)
{
    antler_error err = {0};
    antler_data *x, *y;
    antler_model *m = antler_sequential("m", (int[]){2}, 1, NULL);
    antler_add(m, embedding, .input_dim = 4, .output_dim = 2);
    antler_add(m, flatten);
    antler_add(m, dense, .units = 1);
    antler_compile(m, .loss = "mse");
    const char *path = table("w.csv", "first,second,y\nhot,dog,1\ncold,cat,2\nwarm,dog,1\n");
    must(antler_table_learn(m, path, NULL, &x, &y, &err), &err);
    expect_rows(x, 3, 2, (double[]){2, 2, 1, 1, 3, 2});
    must(antler_fit(m, x, y), antler_model_error(m));
    antler_data_free(x);
    antler_data_free(y);
    antler_model_free(m);
}
END_TEST

START_TEST(too_many_texts)
{
    char *text = malloc(20000), *end = text + sprintf(text, "id,y\n");
    for (int i = 0; i < 1001; i++)
        end += sprintf(end, "n%d,%d\n", i, i % 2);
    const char *path = table("many.csv", text);
    refuse(
        path, 1, 2, sparse, (antler_table_choice){0}, ANTLER_DATA,
        "many.csv:1002: column 1 (id): \"n1000\" is one of more than 1000 different texts of the column; leave it out");
    learned l = learn(path, 1, 2, sparse, (antler_table_choice){.tokens = "id"});
    drop(&l);
    free(text);
}
END_TEST

/* ---- columns ----------------------------------------------------------------------------------------------------- */

START_TEST(columns_are_chosen)
{
    static const struct {
        const char *x, *y;
        int n;
        double row[4];
    } right[] = {
        {NULL, NULL, 4, {1, 2, 3, 4}},     {NULL, "b, c", 4, {1, 3, 4, 5}},
        {"all but id", "y", 3, {2, 3, 4}}, {"all but id,\"b, c\"", "y", 2, {3, 4}},
        {"\"b, c\",id", "y", 2, {2, 1}},   {"#3,#1", "#2", 2, {3, 1}},
        {"\"d\"\"\"", "y", 1, {3}},        {"x_train", "id", 4, {2, 3, 4, 5}},
        {"#5,y", "id", 2, {4, 5}},         {"all but #1,#5", "y", 2, {2, 3}},
    };
    const char *path = table("c.csv", "id,\"b, c\",\"d\"\"\",#5,y\n1,2,3,4,5\n6,7,8,9,0\n");
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        learned l = learn(path, right[i].n, 1, "mse", (antler_table_choice){.x = right[i].x, .y = right[i].y});
        antler_data *first = antler_data_rows(l.x, 0, 1, NULL);
        expect_rows(first, 1, right[i].n, right[i].row);
        antler_data_free(first);
        drop(&l);
    }
    static const struct {
        const char *x, *y, *message;
    } wrong[] = {
        {"b", NULL, "c.csv: no column \"b\" in the header"},
        {"id,id", NULL, "c.csv: column \"id\" is named twice"},
        {"#6", NULL, "c.csv: no column \"#6\": there are 5"},
        {"#99999999999999999999", NULL, "no column \"#99999999999999999999\": there are 5"},
        {"id,y", "y", "c.csv: column 5 is an input and a target or weight"},
        {"all but id,\"b, c\",#3,#4", "y", "c.csv: no column is left"},
        {"all but nothing", "y", "c.csv: no column \"nothing\" in the header"},
        {NULL, "id,y,#2,#3,#5", "c.csv: no column is left for the inputs"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refuse(path, 1, 1, "mse", (antler_table_choice){.x = wrong[i].x, .y = wrong[i].y}, ANTLER_NAME,
               wrong[i].message);
    refuse(table("n.csv", "1,2\n3,4\n"), 1, 1, "mse", (antler_table_choice){.x = "a"}, ANTLER_NAME,
           "the file has no header; by number they are #1");
}
END_TEST

START_TEST(weights_go_with_their_rows)
{
    antler_error err = {0};
    const char *path = table("w.csv", "a,w,y\n1,5,0\n,6,1\n3,7,1\n");
    learned l = learn(path, 1, 1, "mse", (antler_table_choice){.sample_weight = "w", .missing = "drop"});
    expect_rows(l.x, 2, 1, (double[]){1, 3});
    must(antler_fit(l.model, l.x, l.y), antler_model_error(l.model));
    antler_data *x, *y;
    must(antler_table_open(l.model, path, &(antler_table_choice){.sample_weight = "w"}, &x, &y, &err), &err);
    must(antler_evaluate(l.model, x, y, 0, 1, NULL, &err), &err);
    antler_data_free(x);
    antler_data_free(y);
    drop(&l);
}
END_TEST

/* ---- other tables ------------------------------------------------------------------------------------------------ */

START_TEST(other_tables_are_matched)
{
    static const struct {
        const char *text;
        bool warns;
    } right[] = {
        {"a,color\n5,blue\n", false}, {"color,a\nblue,5\n", false}, {"y,color,id,a\n?,blue,x,5\n", false},
        {"5,blue\n", false},          {"5,blue,0\n", false},        {"p,q\n5,blue\n", true},
    };
    learned l = learn(table("l.csv", "a,color,y\n1,red,0\n2,blue,1\n"), 3, 1, "mse", (antler_table_choice){0});
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        antler_error err = {0};
        antler_data *x;
        must(antler_table_open(l.model, table("o.csv", right[i].text), NULL, &x, NULL, &err), &err);
        expect_rows(x, 1, 3, (double[]){5, 1, 0});
        ck_assert_int_eq(antler_data_warning(x) != NULL, right[i].warns);
        antler_data_free(x);
    }
    static const struct {
        const char *text, *x, *message;
        bool targets;
    } wrong[] = {
        {"a,hue\n5,blue\n", NULL, "o.csv: no column \"color\", which the model was trained with", false},
        {"a,color\n5,blue\n", NULL, "o.csv: no column \"y\", which the model was trained with", true},
        {"a,color\n5,green\n", NULL,
         "o.csv:2: column 2 (color): \"green\" is none of the 2 texts that training saw: blue, red", false},
        {"1,2,3,4\n5,6,7,8\n", NULL, "o.csv: a table of 4 columns without names; expected 3 as in training", false},
        {"a,color\n5,blue\n", "a", "o.csv: x: 1 columns; the model was trained with 2", false},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        antler_error err = {0};
        antler_data *x, *y;
        antler_status status =
            antler_table_open(l.model, table("o.csv", wrong[i].text), &(antler_table_choice){.x = wrong[i].x}, &x,
                              wrong[i].targets ? &y : NULL, &err);
        ck_assert_int_ne(status, ANTLER_OK);
        expect_error(&err, status, wrong[i].message);
    }
    drop(&l);
}
END_TEST

START_TEST(without_a_record_there_are_numbers)
{
    antler_error err = {0};
    antler_data *x, *y;
    antler_model *m = numbers_model(2, 1, "mse");
    must(antler_table_open(m, table("o.csv", "a,b\n1,2\n"), NULL, &x, NULL, &err), &err);
    expect_rows(x, 1, 2, (double[]){1, 2});
    antler_data_free(x);
    must(antler_table_open(m, table("o.csv", "a,b,c\n1,2,x\n"), NULL, &x, NULL, &err), &err);
    expect_rows(x, 1, 2, (double[]){1, 2});
    antler_data_free(x);
    must(antler_table_open(m, table("o.csv", "a,b,c\n1,2,3\n"), NULL, &x, &y, &err), &err);
    expect_rows(y, 1, 1, (double[]){3});
    antler_data_free(x);
    antler_data_free(y);
    ck_assert_int_eq(antler_table_open(m, table("o.csv", "a,b,c\n1,2,x\n1,2,y\n"), NULL, &x, &y, &err), ANTLER_DATA);
    expect_error(&err, ANTLER_DATA, "o.csv: column 3 (c): texts, and the model does not know what they mean");
    antler_model_free(m);
    err = (antler_error){0};
    ck_assert_int_eq(antler_table_open(NULL, "x", NULL, &x, NULL, &err), ANTLER_VALUE);
    expect_error(&err, ANTLER_VALUE, "the model is NULL");
}
END_TEST

START_TEST(pixels_take_the_shape_of_the_input)
{
    antler_error err = {0};
    antler_data *x, *y;
    antler_model *m = antler_sequential("m", (int[]){2, 2}, 2, NULL);
    antler_add(m, flatten);
    antler_add(m, dense, .units = 1);
    antler_compile(m, .loss = "mse");
    must(antler_table_learn(m, table("p.csv", "1,2,3,4,0\n5,6,7,8,1\n"), NULL, &x, &y, &err), &err);
    ck_assert_int_eq(antler_data_shape(x)->rank, 3);
    must(antler_fit(m, x, y), antler_model_error(m));
    antler_data_free(x);
    antler_data_free(y);
    antler_model_free(m);
}
END_TEST

/* ---- the record -------------------------------------------------------------------------------------------------- */

START_TEST(the_model_keeps_it)
{
    antler_error err = {0};
    antler_data *x;
    learned l = learn(table("l.csv", "\"a,b\",color,kind\n1,red,\"say \"\"no\"\"\"\n2,blue,yes\n,red,yes\n"), 3, 2,
                      sparse, (antler_table_choice){.missing = "mean"});
    const char *files[] = {"m.keras", "m.json", "m.h5"};
    for (int i = 0; i < 3; i++) {
        const char *path = scratch_path(files[i]);
        if (antler_save(l.model, path, NULL) != ANTLER_OK)
            continue; /* a build without this format */
        antler_model *m = antler_load(path, &err);
        must(err.status, &err);
        ck_assert_str_eq(antler_class_name(m, 0), "say \"no\"");
        must(antler_table_open(m, table("o.csv", "color;\"a,b\"\nblue;1,25\nred;NA\n"), NULL, &x, NULL, &err), &err);
        expect_rows(x, 2, 3, (double[]){1.25, 1, 0, 1.5, 0, 1});
        antler_data_free(x);
        antler_model_free(m);
    }
    drop(&l);
}
END_TEST

START_TEST(a_damaged_record_is_refused)
{
    static const struct {
        const char *table, *message;
    } bad[] = {
        {"[]", "fit.table: [] is not an object"},
        {"{}", "fit.table.columns: null is not the number of a column"},
        {"{'columns': 1e9}", "fit.table.columns: 1000000000 is not the number of a column"},
        {"{'columns': 2, 'missing': 'x', 'x': [{'place': 1}], 'y': [{'place': 2}]}", "fit.table.missing: \"x\" is not"},
        {"{'columns': 2, 'y': [{'place': 2}]}", "fit.table.x: null is not a list of columns"},
        {"{'columns': 2, 'x': [{'place': 3}], 'y': [{'place': 2}]}", "fit.table.x: 3 is not the number of a column"},
        {"{'columns': 2, 'x': [1], 'y': [{'place': 2}]}", "fit.table.x: 1 is not a column"},
        {"{'columns': 2, 'x': [{'place': 1, 'name': 3}], 'y': [{'place': 2}]}", "fit.table.x: 3 is not a name"},
        {"{'columns': 2, 'x': [{'place': 1, 'mean': 'x'}], 'y': [{'place': 2}]}", "fit.table.x: \"x\" is not a number"},
        {"{'columns': 2, 'x': [{'place': 1, 'classes': ['a']}], 'y': [{'place': 2}]}", "\"classes\" has no place here"},
        {"{'columns': 2, 'x': [{'place': 1}], 'y': [{'place': 2, 'tokens': ['a']}]}", "\"tokens\" has no place here"},
        {"{'columns': 2, 'x': [{'place': 1, 'tokens': []}], 'y': [{'place': 2}]}",
         "fit.table.x: [] is not a list of texts"},
        {"{'columns': 2, 'x': [{'place': 1, 'tokens': [1]}], 'y': [{'place': 2}]}", "fit.table.x: 1 is not a text"},
        {"{'columns': 2, 'x': [{'place': 1, 'tokens': ['b', 'a']}], 'y': [{'place': 2}]}",
         "not in the order of their bytes"},
        {"{'columns': 2, 'x': [{'place': 1, 'name': 'a'}], 'y': [{'place': 2}]}", "columns that do not go together"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char json[800];
        antler_error err = {0};
        snprintf(json, sizeof json,
                 "{'class_name': 'Sequential', 'config': {'layers': [{'class_name': 'InputLayer', 'config': "
                 "{'batch_shape': [null, 1]}}, {'class_name': 'Flatten'}]}, 'fit': {'table': %s}}",
                 bad[i].table);
        ck_assert_ptr_null(antler_load(table("r.json", quoted(json)), &err));
        expect_error(&err, ANTLER_VALUE, bad[i].message);
    }
}
END_TEST

START_TEST(lists_name_columns)
{
    antler_error err = {0};
    antler_data *x, *y;
    char json[] = "{'class_name': 'Sequential', 'config': {'layers': [{'class_name': 'InputLayer', 'config': "
                  "{'batch_shape': [null, 2]}}, {'class_name': 'Dense', 'config': {'units': 1}}]}, 'compile_config': "
                  "{'loss': 'mse', 'optimizer': 'sgd'}, 'fit': {'x': ['b, c', 'a'], 'y': ['y'], 'missing': 'mean'}}";
    antler_model *m = antler_load(table("l.json", quoted(json)), &err);
    must(err.status, &err);
    must(antler_table_learn(m, table("l.csv", "a,\"b, c\",id,y\n1,2,3,4\n"), NULL, &x, &y, &err), &err);
    expect_rows(x, 1, 2, (double[]){2, 1});
    expect_rows(y, 1, 1, (double[]){4});
    antler_data_free(x);
    antler_data_free(y);
    antler_model_free(m);
}
END_TEST

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void expect_text(const char *path, const char *expected)
{
    char text[1000] = "";
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    ck_assert_str_eq(text, expected);
}

START_TEST(answers_have_names)
{
    antler_error err = {0};
    const antler_real p[] = {0.25, 0.75, 0.5, 0.5};
    const char *path = scratch_path("p.csv");
    learned l = learn(table("l.csv", "a,the kind\n1,\"no, never\"\n2,yes\n"), 1, 2, sparse, (antler_table_choice){0});
    must(antler_table_save(l.model, path, p, NULL, 2, &err), &err);
    expect_text(path, "\"no, never\",yes,the kind\n0.25,0.75,yes\n0.5,0.5,\"no, never\"\n");
    must(antler_table_save(l.model, path, p, p, 1, &err), &err);
    expect_text(path, "\"no, never\",yes,\"no, never_std\",yes_std,the kind\n0.25,0.75,0.25,0.75,yes\n");
    drop(&l);
    l = learn(table("l.csv", "a,y\n1,no\n2,yes\n"), 1, 1, "binary_crossentropy", (antler_table_choice){0});
    must(antler_table_save(l.model, path, p, NULL, 2, &err), &err);
    expect_text(path, "yes,y\n0.25,no\n0.75,yes\n");
    drop(&l);
    antler_model *m = antler_sequential("m", (int[]){1}, 1, NULL);
    antler_add(m, dense, .units = 2);
    must(antler_build(m), antler_model_error(m));
    must(antler_table_save(m, path, p, NULL, 1, &err), &err);
    expect_text(path, "y_0,y_1\n0.25,0.75\n");
    ck_assert_int_eq(antler_table_save(m, "/nowhere/p.csv", p, NULL, 1, &err), ANTLER_FILE);
    antler_model_free(m);
    m = antler_sequential("m", (int[]){2, 2}, 2, NULL);
    antler_add(m, dense, .units = 2);
    must(antler_build(m), antler_model_error(m));
    err = (antler_error){0};
    ck_assert_int_eq(antler_table_save(m, path, p, NULL, 1, &err), ANTLER_UNSUPPORTED);
    expect_error(&err, ANTLER_UNSUPPORTED, "a table is of one output of one axis; the model's is (None, 2, 2)");
    antler_model_free(m);
}
END_TEST

/* All of a table's way: learned, saved, loaded, opened again, answered. */
static antler_status whole(void *arg)
{
    const char *const *path = arg;
    antler_error err = {0};
    antler_data *x, *y;
    const antler_real p[] = {0.5, 0.5};
    antler_model *m = numbers_model(4, 2, sparse);
    antler_status status =
        m ? antler_table_learn(m, path[0], &(antler_table_choice){.missing = "mean"}, &x, &y, &err) : ANTLER_MEMORY;
    if (status == ANTLER_OK) {
        antler_data_free(x);
        antler_data_free(y);
        status = antler_save(m, path[1], &err);
    }
    antler_model_free(m);
    m = status == ANTLER_OK ? antler_load(path[1], &err) : NULL;
    if (m && (status = antler_table_open(m, path[0], NULL, &x, NULL, &err)) == ANTLER_OK) {
        antler_data_free(x);
        status = antler_table_save(m, path[2], p, NULL, 1, &err);
    }
    antler_model_free(m);
    return m || status != ANTLER_OK ? status : err.status;
}

START_TEST(without_memory)
{
    const char *path[] = {table("w.csv", "\"a,b\",c,kind\n1,red,yes\n,blue,no\n3,\"re\"\"d\",no\n3,red,no\n"),
                          scratch_path("w.json"), scratch_path("a.csv")};
    torture(whole, path);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tables");
    tcase_add_checked_fixture(tests, scratch_make, scratch_remove);
    tcase_add_loop_test(tests, reads_every_form, 0, (int)(sizeof forms / sizeof forms[0]));
    tcase_add_test(tests, refuses_what_cannot_be_told);
    tcase_add_test(tests, missing_values);
    tcase_add_test(tests, means_are_of_training);
    tcase_add_test(tests, classes_are_as_the_loss_takes_them);
    tcase_add_test(tests, categories_and_tokens);
    tcase_add_test(tests, a_model_that_looks_up_takes_tokens);
    tcase_add_test(tests, too_many_texts);
    tcase_add_test(tests, columns_are_chosen);
    tcase_add_test(tests, weights_go_with_their_rows);
    tcase_add_test(tests, other_tables_are_matched);
    tcase_add_test(tests, without_a_record_there_are_numbers);
    tcase_add_test(tests, pixels_take_the_shape_of_the_input);
    tcase_add_test(tests, the_model_keeps_it);
    tcase_add_test(tests, a_damaged_record_is_refused);
    tcase_add_test(tests, lists_name_columns);
    tcase_add_test(tests, answers_have_names);
    tcase_add_test(tests, without_memory);
    return run_suite("tables", tests);
}
