/* ConvLSTM1D to ConvLSTM3D once their layer has read its config: buffers and the two directions. The equations stand in
   conv_lstm.c.

   All arrays between x and y are ordered by steps as they are taken, (steps, batch, places, numbers of a place), so
   that what a step works on lies together, and all steps are to a convolution one batch of steps * batch images.

   Dropout draws a mask for each gate. The image then has the channels four times, each time under its mask, and the
   convolution four groups, one a gate: the same kernel, read the same way. */
#ifndef ANTLER_LAYERS_CONV_LSTM_H
#define ANTLER_LAYERS_CONV_LSTM_H

#include "layers/shared/convolution.h"
#include "layers/shared/sequence.h"

enum { CONV_LSTM_GATES = 4, CONV_LSTM_STATES = 2 };

/* Slots of parameters and of noise. */
enum { CONV_LSTM_KERNEL, CONV_LSTM_RECURRENT, CONV_LSTM_BIAS };
enum { CONV_LSTM_ON_INPUT, CONV_LSTM_ON_STATE };

/* The sizes of a call. */
typedef struct antler_conv_sizes {
    antler_convolution input, recurrent; /* of a step without dropout: x to the gates' sums, h to them */
    antler_shape state;                  /* (batch, positions' ..., filters) */
    int64_t batch, steps;
    int64_t inputs, places; /* positions of x and of the state */
    int64_t channels, filters;
} antler_conv_sizes;

/* Refuses an input (batch, steps, positions ..., channels) that does not fit. */
antler_status antler__conv_lstm_sizes(const struct antler_conv_lstm *config, int axes, const antler_shape *in,
                                      antler_conv_sizes *sizes, antler_error *err);
void antler__conv_lstm_buffers(const struct antler_conv_lstm *config, const antler_conv_sizes *sizes,
                               antler_plan *plan);
void antler__conv_lstm_forward(const struct antler_conv_lstm *config, const antler_conv_sizes *sizes, antler_run *run);
void antler__conv_lstm_backward(const struct antler_conv_lstm *config, const antler_conv_sizes *sizes, antler_run *run);

/* ---- within ------------------------------------------------------------------------------------------------------ */

/* Saved: z (T, B, P, 4 f); h and c before the first step and after each, (T + 1, B, P, f). Carried: h, c. */
enum { SLOT_Z, SLOT_H, SLOT_C };
/* Scratch, behind the convolutions'. Outside of training Z is there too, and H and C of one step, (B, P, f). */
enum {
    SLOT_OF_INPUT,                                /* the convolutions' own */
    SLOT_OF_RECURRENT = ANTLER_CONVOLUTION_SLOTS, /* the same */
    SLOT_STATES = 2 * ANTLER_CONVOLUTION_SLOTS,   /* Z, H, C, outside of training */
    SLOT_IMAGES = SLOT_STATES + 3, /* (T, B, positions, [4] channels) x as W sees it; then its gradient */
    SLOT_SUMS,                     /* (B, P, 4 f) U * h; backward: the gradient of what U sees */
    SLOT_KEEP,                     /* dropout's masks: (B, positions, 4 channels), (B, P, 4 f) */
    SLOT_SEEN,                     /* ([T,] B, P, 4 f) h under its masks: of a step; in training of all */
    SLOT_WORK,                     /* planes of each thread */
    SLOT_DZ,                       /* (T, B, P, 4 f) */
    SLOT_DH,                       /* (B, P, f) of h after a step, then before it */
    SLOT_DC                        /* the same of c */
};
/* Places that a task takes at once, and its arrays of so many rows of f. */
enum { CONV_LSTM_ROWS = 16, CONV_LSTM_PLANES = 15 };

/* What the tasks of a call see. */
typedef struct antler_conv_job {
    antler_run *run;
    const struct antler_conv_lstm *config;
    const antler_conv_sizes *s;
    const antler_kernels *k;
    const antler_activation_ops *act, *gate_act;
    const antler_real *mask;            /* (B, T) by time; NULL: none */
    const antler_real *keep_x, *keep_h; /* dropout's masks, or NULL */
    antler_real *z, *h, *c;             /* of all steps; h and c of one outside of training */
    int64_t gates, state, next;         /* numbers of a step of z, of h and c; from one step's states to the next's */
    int64_t blocks;                     /* of places of a sample */
    int64_t t;                          /* the step that is taken */
    antler_real *sums, *dz, *dh, *dc;
} antler_conv_job;

/* A task of a step, forward or back: item i of batch * blocks. */
void antler__conv_lstm_step(void *job, int64_t i, int worker);
void antler__conv_lstm_step_back(void *job, int64_t i, int worker);
/* The time of a step, and whether a sample takes it. */
int64_t antler__conv_lstm_time(const antler_conv_job *j, int64_t t);
bool antler__conv_lstm_awake(const antler_conv_job *j, int64_t sample, int64_t t);

#endif
