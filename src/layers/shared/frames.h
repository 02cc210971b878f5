/* Frames that are cut from a signal, and their products with waves: what the layers of spectrograms share. A signal is
   one channel of (steps, channels). */
#ifndef ANTLER_LAYERS_FRAMES_H
#define ANTLER_LAYERS_FRAMES_H

#include "antler/layer.h"

typedef struct antler_frames {
    int64_t steps, channels;     /* of the signal, and of all those that lie beside it */
    int64_t length, step, count; /* of a frame, from one to the next, and how many there are */
    int64_t before;              /* the first one begins so many steps in front of the signal */
    bool reflect;                /* what lies outside is mirrored at the ends of the signal; else it is 0 */
    int64_t frequencies;
} antler_frames;

/* Steps from the first one's begin to the last one's end. */
int64_t antler__frames_span(const antler_frames *f);

/* span [antler__frames_span] = the signal that begins at x, with what lies outside. */
void antler__frames_take(antler_run *run, const antler_frames *f, const antler_real *x, antler_real *span);
/* y (count, frequencies) = frames (count, length) w (length, frequencies) */
void antler__frames_product(antler_run *run, const antler_frames *f, const antler_real *span, const antler_real *w,
                            antler_real *y);

/* w' (length, frequencies) = frames^T dy; `more`: is added to what w' holds. */
void antler__frames_waves(antler_run *run, const antler_frames *f, const antler_real *span, const antler_real *dy,
                          antler_real *gradient, bool more);
/* frames' (count, length) = dy w^T; `more`: is added to what frames' holds. */
void antler__frames_back(antler_run *run, const antler_frames *f, const antler_real *dy, const antler_real *w,
                         antler_real *frames, bool more);
/* The signal's gradient, that begins at dx, from that of its frames. */
void antler__frames_give(antler_run *run, const antler_frames *f, const antler_real *frames, antler_real *dx);

#endif
