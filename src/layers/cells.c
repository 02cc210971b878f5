/* RNN: a loop over a cell, and StackedRNNCells: cells one above the other as one.

   A cell is told how its loop runs and takes the whole sequence, as SimpleRNN, LSTM and GRU do: RNN hands on what it is
   given. No cell of a stack sees what those above it compute, so that to take each step through all cells is to take
   the whole sequence through each:

       y_0 = x    y_i = cell_i(y_i-1)    y = y_n

   where the lower ones return all steps, the first turns the sequence round if it goes backwards, and each carries its
   own state over masked steps. Gradient: that of the cells, from the last to the first. */
#include "layers/shared/recurrent.h"

static const char *const arguments[] = {"sequences", "initial_state", NULL};

enum { MOST_STATES = 16 }; /* that are given */

static const antler_cell_ops *ops_of(antler_object cell)
{
    return (const antler_cell_ops *)cell.type;
}

/* ---- StackedRNNCells --------------------------------------------------------------------------------------------- */

typedef struct stack {
    ANTLER_LAYER_KEYS
    antler_objects cells;
    antler_loop loop; /* of all */
} stack;

static const antler_field stack_fields[] = {
    {.key = "cells",
     .kind = ANTLER_OBJECTS,
     .offset = offsetof(stack, cells),
     .of = ANTLER_KIND_CELL,
     .doc = "the cells, the first next to the input"},
    ANTLER_FIELD_IGNORED("reverse_state_order", "false"), /* of Keras 2 */
    ANTLER_FIELD_END,
};

static antler_status stack_check(void *config, antler_error *err)
{
    return ((stack *)config)->cells.n ? ANTLER_OK
                                      : antler_error_set(err, ANTLER_VALUE, NULL, "no cells; expected one or more");
}

static void stack_loop(void *config, const antler_loop *loop)
{
    stack *c = config;
    c->loop = *loop;
    for (int64_t i = 0; i < c->cells.n; i++) {
        antler_loop own = *loop;
        own.go_backwards = loop->go_backwards && i == 0;
        if (i < c->cells.n - 1) {
            own.return_sequences = true;
            own.zero_output_for_mask = false;
        }
        ops_of(c->cells.item[i])->loop(c->cells.item[i].config, &own);
    }
}

static int states_of(antler_object cell)
{
    return ops_of(cell)->states(cell.config);
}

static int stack_states(const void *config)
{
    const stack *c = config;
    int n = 0;
    for (int64_t i = 0; i < c->cells.n; i++)
        n += states_of(c->cells.item[i]);
    return n;
}

static antler_mask_rule stack_mask_rule(const void *config)
{
    return ((const stack *)config)->loop.return_sequences ? ANTLER_MASK_PASS : ANTLER_MASK_END;
}

/* A cell of a stack: where its states begin among all, and its shapes. */
typedef struct level {
    int first, states;
    antler_shape in[1 + MOST_STATES + 1], out[ANTLER_MAX_OUTPUTS];
} level;

/* From cell i - 1 to cell i; before the first, *at is zeroed. `in` is the stack's. */
static antler_status ascend(const stack *c, const antler_shape *in, int64_t i, level *at, antler_error *err)
{
    const antler_object cell = c->cells.item[i];
    at->in[0] = i ? at->out[0] : in[0];
    at->first += at->states;
    at->states = states_of(cell);
    const int given = in[1].rank ? at->states : 0;
    for (int k = 0; k < given; k++)
        at->in[1 + k] = in[1 + at->first + k];
    at->in[1 + given] = (antler_shape){0};
    for (int k = 0; k < ANTLER_MAX_OUTPUTS; k++)
        at->out[k] = (antler_shape){0};
    return antler_child_infer(cell, at->in, at->out, err);
}

static antler_status check_states(const stack *c, const antler_shape *in, antler_error *err)
{
    const int states = stack_states(c), most = ANTLER_MAX_OUTPUTS - 1;
    int given = 0;
    while (in[1 + given].rank)
        given++;
    if (given && given != states)
        return antler_error_set(err, ANTLER_SHAPE, NULL,
                                "initial_state has %d tensor%s, expected %d: those of %lld cells", given,
                                given > 1 ? "s" : "", states, (long long)c->cells.n);
    if (c->loop.return_state && states > most)
        return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "return_state of %d tensors; expected %d or fewer",
                                states, most);
    return ANTLER_OK;
}

static antler_status stack_infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    const stack *c = config;
    level at = {0};
    ANTLER_TRY(check_states(c, in, err));
    for (int64_t i = 0; i < c->cells.n; i++) {
        ANTLER_TRY(ascend(c, in, i, &at, err));
        for (int k = 0; k < at.states && c->loop.return_state; k++)
            out[1 + at.first + k] = at.out[1 + k];
    }
    out[0] = at.out[0];
    return ANTLER_OK;
}

static void stack_variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    const stack *c = config;
    level at = {0};
    for (int64_t i = 0; i < c->cells.n; i++) {
        if (ascend(c, in, i, &at, NULL) != ANTLER_OK)
            return; /* infer has refused it */
        antler_plan_child(plan, (int)i, "cells/", c->cells.item[i], at.in, 1);
    }
}

/* Slots are the cells: of y_i, saved in training, else scratch; of its gradient, scratch; that of the last cell is for
   the mask of the cells above one that goes backwards. */
static void stack_buffers(const void *config, const antler_shape *in, antler_plan *plan)
{
    const stack *c = config;
    level at = {0};
    for (int64_t i = 0; i < c->cells.n - 1; i++) {
        if (ascend(c, in, i, &at, NULL) != ANTLER_OK)
            return;
        antler_plan_saved(plan, (int)i, at.out);
        antler_plan_scratch(plan, (int)i, at.out);
    }
    if (c->loop.go_backwards && c->cells.n > 1)
        antler_plan_scratch(plan, (int)c->cells.n - 1, &(antler_shape){2, {in->dim[0], in->dim[1]}});
}

/* The tensors of one cell's run: the arrays of its antler_io. */
typedef struct part {
    antler_tensor x[1 + MOST_STATES], mask[1 + MOST_STATES], dx[1 + MOST_STATES];
    antler_tensor y[ANTLER_MAX_OUTPUTS], dy[ANTLER_MAX_OUTPUTS];
} part;

/* A buffer of a slot, for the rows of this run. */
static antler_tensor rows_of(const antler_run *run, const antler_tensor *slot)
{
    antler_tensor t = *slot;
    t.shape.dim[0] = run->x->shape.dim[0];
    return t;
}

/* Cell i's; its states begin at `first`. */
static antler_io part_of(const stack *c, antler_run *run, int64_t i, int first, part *p)
{
    const bool train = run->mode == ANTLER_TRAIN, lowest = i == 0, highest = i == c->cells.n - 1;
    const int states = states_of(c->cells.item[i]);
    const antler_tensor *const between = train ? run->saved : run->scratch;
    *p = (part){.x = {lowest ? run->x[0] : rows_of(run, &between[i - 1])},
                .mask = {run->mask[0]},
                .y = {highest ? run->y[0] : rows_of(run, &between[i])}};
    if (run->mask->data && c->loop.go_backwards && !lowest)
        p->mask[0] = rows_of(run, &run->scratch[c->cells.n - 1]);
    if (train) {
        p->dx[0] = lowest ? run->dx[0] : rows_of(run, &run->scratch[i - 1]);
        p->dy[0] = highest ? run->dy[0] : rows_of(run, &run->scratch[i]);
    }
    for (int k = 0; k < states && run->inputs > 1; k++) {
        p->x[1 + k] = run->x[1 + first + k];
        p->dx[1 + k] = run->dx[1 + first + k];
    }
    for (int k = 0; k < states && run->outputs > 1; k++) {
        p->y[1 + k] = run->y[1 + first + k];
        p->dy[1 + k] = run->dy[1 + first + k];
    }
    return (antler_io){.x = p->x, .mask = p->mask, .y = p->y, .dy = p->dy, .dx = p->dx};
}

/* The cells above one that goes backwards see its steps, whose mask this is. */
static void turn_mask(const stack *c, antler_run *run)
{
    if (!run->mask->data || !c->loop.go_backwards || c->cells.n == 1)
        return;
    const int64_t rows = run->mask->shape.dim[0], steps = run->mask->shape.dim[1];
    antler_real *const turned = run->scratch[c->cells.n - 1].data;
    for (int64_t b = 0; b < rows; b++)
        for (int64_t t = 0; t < steps; t++)
            turned[b * steps + t] = run->mask->data[b * steps + steps - 1 - t];
}

static antler_status stack_forward(const void *config, antler_run *run)
{
    const stack *c = config;
    part p;
    turn_mask(c, run);
    int first = 0;
    for (int64_t i = 0; i < c->cells.n; i++) {
        const antler_io io = part_of(c, run, i, first, &p);
        ANTLER_TRY(antler_child_forward(run, (int)i, &io));
        first += states_of(c->cells.item[i]);
    }
    return ANTLER_OK;
}

static antler_status stack_backward(const void *config, antler_run *run)
{
    const stack *c = config;
    part p;
    turn_mask(c, run);
    int first = stack_states(c);
    for (int64_t i = c->cells.n - 1; i >= 0; i--) {
        first -= states_of(c->cells.item[i]);
        const antler_io io = part_of(c, run, i, first, &p);
        ANTLER_TRY(antler_child_backward(run, (int)i, &io));
    }
    return ANTLER_OK;
}

const antler_cell_ops antler__cell_stacked = {
    .layer = {.type = {.size = sizeof(antler_cell_ops),
                       .kind = ANTLER_KIND_CELL,
                       .class_name = "StackedRNNCells",
                       .doc = "cells one above the other, for an RNN",
                       .config_size = sizeof(stack),
                       .fields = stack_fields,
                       .check = stack_check,
                       .flags = ANTLER_TYPE_LIST},
              .flags = ANTLER_NEEDS_X | ANTLER_NEEDS_Y,
              .inputs = 1 + MOST_STATES,
              .arguments = arguments,
              .mask_rule = stack_mask_rule,
              .infer = stack_infer,
              .variables = stack_variables,
              .buffers = stack_buffers,
              .forward = stack_forward,
              .backward = stack_backward},
    .loop = stack_loop,
    .states = stack_states,
};

/* ---- RNN --------------------------------------------------------------------------------------------------------- */

typedef struct antler_rnn rnn;

static const antler_field fields[] = {
    {.key = "cell",
     .kind = ANTLER_OBJECT,
     .offset = offsetof(rnn, cell_),
     .text = offsetof(rnn, cell),
     .of = ANTLER_KIND_CELL,
     .doc = "the cell, or a list of cells"},
    ANTLER_LOOP_FIELDS(rnn),
    ANTLER_FIELD_IGNORED("num_constants", "0"), /* of Keras 2 */
    ANTLER_FIELD_END,
};

static const char *const samples[] = {
    "(3, 2) {\"cell\": {\"class_name\": \"SimpleRNNCell\", \"config\": {\"units\": 2, \"recurrent_dropout\": 0.4}}}",
    "(3, 2) {\"cell\": [{\"class_name\": \"LSTMCell\", \"config\": {\"units\": 2}}, {\"class_name\": \"GRUCell\", "
    "\"config\": {\"units\": 3, \"dropout\": 0.3}}, {\"class_name\": \"LSTMCell\", \"config\": {\"units\": 1}}], "
    "\"return_sequences\": true, \"go_backwards\": true}",
    "(3, 2) (2) (2) (3) {\"cell\": {\"class_name\": \"StackedRNNCells\", \"config\": {\"cells\": [{\"class_name\": "
    "\"LSTMCell\", \"config\": {\"units\": 2}}, {\"class_name\": \"GRUCell\", \"config\": {\"units\": 3}}]}}, "
    "\"return_state\": true}",
    NULL,
};

static antler_status check(void *config, antler_error *err)
{
    const rnn *c = config;
    const antler_loop loop = {.return_sequences = c->return_sequences,
                              .return_state = c->return_state,
                              .go_backwards = c->go_backwards,
                              .stateful = c->stateful,
                              .zero_output_for_mask = c->zero_output_for_mask};
    (void)err;
    ops_of(c->cell_)->loop(c->cell_.config, &loop);
    return ANTLER_OK;
}

/* The first states are lists, one a cell. */
static int list_size(const void *config, int i)
{
    const antler_object cell = ((const rnn *)config)->cell_;
    const stack *c = cell.config;
    return cell.type == &antler__cell_stacked.layer.type && i < c->cells.n ? states_of(c->cells.item[i]) : 0;
}

static antler_mask_rule mask_rule(const void *config)
{
    return ((const rnn *)config)->return_sequences ? ANTLER_MASK_PASS : ANTLER_MASK_END;
}

static antler_status infer(const void *config, const antler_shape *in, antler_shape *out, antler_error *err)
{
    return antler_child_infer(((const rnn *)config)->cell_, in, out, err);
}

static void variables(const void *config, const antler_shape *in, antler_plan *plan)
{
    antler_plan_child(plan, 0, "cell", ((const rnn *)config)->cell_, in, 1);
}

static antler_status forward(const void *config, antler_run *run)
{
    (void)config;
    return antler_child_forward(run, 0, &(antler_io){.x = run->x, .mask = run->mask, .y = run->y});
}

static antler_status backward(const void *config, antler_run *run)
{
    (void)config;
    return antler_child_backward(
        run, 0, &(antler_io){.x = run->x, .mask = run->mask, .y = run->y, .dy = run->dy, .dx = run->dx});
}

const antler_layer_ops antler_layer_rnn = {
    .type = {.size = sizeof(antler_layer_ops),
             .kind = ANTLER_KIND_LAYER,
             .class_name = "RNN",
             .doc = "a loop over a cell, or over several",
             .config_size = sizeof(rnn),
             .fields = fields,
             .samples = samples,
             .check = check},
    .flags = ANTLER_NEEDS_X | ANTLER_NEEDS_Y,
    .inputs = 1 + MOST_STATES,
    .arguments = arguments,
    .list_size = list_size,
    .mask_rule = mask_rule,
    .infer = infer,
    .variables = variables,
    .forward = forward,
    .backward = backward,
};
