/* What SimpleRNN, LSTM and GRU share: config rows, variables, buffers, everything around the steps themselves.

   With G gates, T steps, F features, u units, a layer computes

       xw_t = x_t W + b              one product for all steps: (B T, F) x (F, G u)
       h_t  = step(xw_t, h_t-1 U)    the kernel, one thread a block of rows through all steps

   and backward, from dz (gradient of xw) and dr (gradient of h_t-1 U) that the kernel makes,

       dW = x^T dz    dU = h_prev^T dr    db = column sums of dz    dx = dz W^T

   each one product again. The first states are 0, those of the batch before (stateful), or inputs 1 and 2
   (initial_state); with return_state the last ones are outputs 1 and 2. Dropout multiplies x, and h_t-1 before U, by a
   mask of 0 and 1 / (1 - rate) that is drawn once a sequence, again in backward. */
#ifndef ANTLER_LAYERS_RECURRENT_H
#define ANTLER_LAYERS_RECURRENT_H

#include "layers/shared/sequence.h"

/* The config of every recurrent layer begins like that of the simplest. */
typedef struct antler_simple_rnn antler_recurrent;

/* Rows of a cell, and of the layer that is its loop. */
#define ANTLER_CELL_FIELDS(type)                                                                           \
    ANTLER_FIELD_COUNT(type, units, "width of the state, and of the output"),                              \
        ANTLER_FIELD_ACTIVATION(type, activation, "\"tanh\"", "of the state"), ANTLER_KERNEL_FIELDS(type), \
        ANTLER_STEP_FIELDS(type, "one mask for all steps and gates")

/* Slots of parameters, saved tensors (the first two also carried), scratch and noise. */
enum { SLOT_KERNEL, SLOT_RECURRENT, SLOT_BIAS };
enum { SLOT_H, SLOT_C, SLOT_GATES, SLOT_H0, SLOT_C0 };
enum {
    SLOT_XW,     /* (B, T, G u) forward xw, backward dz */
    SLOT_INPUTS, /* (B, T, F) x after dropout */
    SLOT_STATES, /* (B, T, u) backward the states before each step, or of narrow layers parts of the sums; forward c,
                    where it is not saved */
    SLOT_TRANSPOSED, /* (G u, u) U^T during the steps, then (G u, F) W^T */
    SLOT_PRODUCTS,   /* (B, T, G u) dr */
    SLOT_OUTPUTS,    /* as y: dy without what a mask hides */
    SLOT_KEEP,       /* (B, F) and (B, u) masks of dropout */
    SLOT_WORK        /* of the steps, for each thread */
};
enum { SLOT_ON_INPUT, SLOT_ON_STATE };

/* What tells one cell from another. */
typedef struct antler_cell {
    int gates;                     /* the kernel has gates * units columns */
    int kept;                      /* numbers a step and unit that backward of the kernels needs of the gates */
    bool has_c;                    /* a cell state beside h */
    bool reset_after;              /* GRU: a bias of its own for the recurrent product, whose gradient is not dz */
    bool reset_before;             /* GRU: the last gate's product takes r * h */
    antler_object gate_activation; /* type NULL: none */
} antler_cell;

/* The sizes of a call. */
typedef struct antler_recurrent_sizes {
    int64_t batch, steps, features, units, columns; /* columns = gates * units */
    bool general; /* an activation is not one of the kernels': recurrent_general.c takes the steps */
    int kept;     /* numbers a step and unit that forward saves of the gates */
} antler_recurrent_sizes;

antler_recurrent_sizes antler__recurrent_sizes(const antler_recurrent *config, const antler_cell *cell,
                                               const antler_shape *in);

/* Layers with so few variables that their gradients are better made in parts of ANTLER_PART rows (sample, time). */
static inline bool antler__recurrent_narrow(const antler_recurrent_sizes *s)
{
    return s->columns <= 1024 && (s->features + s->units + 2) <= 4096 / s->columns;
}

static inline int64_t antler__recurrent_parts(const antler_recurrent_sizes *s)
{
    return (s->batch * s->steps + ANTLER_PART - 1) / ANTLER_PART;
}

/* Numbers of a part: dW, dU, db and the recurrent bias's. */
static inline int64_t antler__recurrent_part(const antler_recurrent_sizes *s)
{
    return (s->features + s->units + 2) * s->columns;
}

/* Rows of the batch that a task takes through all steps: 16 fill the lanes of narrow layers, and the tiles of wide
   ones. Arrays of so many rows that recurrent_general.c works on. */
enum { ANTLER_RECURRENT_ROWS = 16, ANTLER_RECURRENT_PLANES = 18 };

/* Numbers that a thread needs for itself: for the steps, then for the states of a part. */
static inline int64_t antler__recurrent_work(const antler_recurrent_sizes *s)
{
    const int64_t steps = s->general ? ANTLER_RECURRENT_PLANES * ANTLER_RECURRENT_ROWS * s->units
                                     : (int64_t)antler__kernels()->recurrence_scratch(s->units);
    const int64_t states = antler__recurrent_narrow(s) ? ANTLER_PART * s->units : 0;
    return steps > states ? steps : states;
}

typedef void antler_steps(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch);

/* The options of the loop, for a cell: the `loop` of antler_cell_ops. */
void antler__recurrent_loop(void *config, const antler_loop *loop);

/* Those of rnn.c, and their stack. */
extern const antler_cell_ops antler__cell_simple_rnn, antler__cell_lstm, antler__cell_gru, antler__cell_stacked;

/* ---- for the cells ----------------------------------------------------------------------------------------------- */

antler_mask_rule antler__recurrent_mask_rule(const void *config);
/* The states of a cell: h, and c where it has one. */
static inline int antler__recurrent_states(const antler_cell *cell)
{
    return cell->has_c ? 2 : 1;
}
antler_status antler__recurrent_infer(const antler_recurrent *config, const antler_cell *cell, const antler_shape *in,
                                      antler_shape *out, antler_error *err);
void antler__recurrent_variables(const antler_recurrent *config, const antler_cell *cell, const antler_shape *in,
                                 antler_plan *plan);
void antler__recurrent_buffers(const antler_recurrent *config, const antler_cell *cell, const antler_shape *in,
                               antler_plan *plan);
void antler__recurrent_forward(const antler_recurrent *config, const antler_cell *cell, antler_run *run,
                               antler_steps *steps);
void antler__recurrent_backward(const antler_recurrent *config, const antler_cell *cell, antler_run *run,
                                antler_steps *steps);

/* ---- between forward and backward -------------------------------------------------------------------------------- */

/* What both tell the kernel. *x_keep gets dropout's mask of the input, or NULL. */
antler_recurrence antler__recurrent_begin(const antler_recurrent *config, const antler_cell *cell,
                                          const antler_run *run, const antler_recurrent_sizes *s,
                                          const antler_real **x_keep);
/* All steps, a block of rows a task. */
void antler__recurrent_steps(antler_run *run, const antler_recurrence *r, const antler_recurrent_sizes *s,
                             antler_steps *steps);
/* The same for general sizes, forward or back. */
void antler__recurrent_general(const antler_recurrent *config, const antler_cell *cell, antler_run *run,
                               const antler_recurrence *r, const antler_recurrent_sizes *s, bool back);
/* y (batch, steps, width) = x times its sequence's mask, keep (batch, width); y may be x. */
void antler__recurrent_keep(antler_run *run, antler_real *y, const antler_real *x, const antler_real *keep,
                            int64_t batch, int64_t steps, int64_t width);
/* Whether some outputs are not the state: they are 0 at masked steps (zero_output_for_mask), and, where the state does
   not start at 0, before the first unmasked step. hide sets them to 0, in y or in its gradient. */
bool antler__recurrent_hides(const antler_recurrent *config, const antler_run *run);
void antler__recurrent_hide(const antler_recurrent *config, const antler_run *run, const antler_recurrent_sizes *s,
                            antler_real *y);

#endif
