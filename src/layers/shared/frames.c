#include "layers/shared/frames.h"

#include "antler/work.h"

int64_t antler__frames_span(const antler_frames *f)
{
    return (f->count - 1) * f->step + f->length;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

typedef struct job {
    const antler_frames *f;
    const antler_real *from;
    antler_real *to;
} job;

/* The step of the signal that lies at `place` of the span; -1 for none. */
static int64_t step_at(const antler_frames *f, int64_t place)
{
    int64_t t = place - f->before;
    if (f->reflect)
        t = t < 0 ? -t : t < f->steps ? t : 2 * (f->steps - 1) - t;
    return t >= 0 && t < f->steps ? t : -1;
}

static void take(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    for (int64_t place = first; place < first + count; place++) {
        const int64_t t = step_at(j->f, place);
        j->to[place] = t >= 0 ? j->from[t * j->f->channels] : 0;
    }
}

void antler__frames_take(antler_run *run, const antler_frames *f, const antler_real *x, antler_real *span)
{
    job j = {f, x, span};
    antler_run_ranges(run, antler__frames_span(f), 1, take, &j);
}

void antler__frames_product(antler_run *run, const antler_frames *f, const antler_real *span, const antler_real *w,
                            antler_real *y)
{
    antler_run_product(run, &(antler_product){.m = f->count,
                                              .n = f->frequencies,
                                              .k = f->length,
                                              .a = span,
                                              .a_row = f->step,
                                              .a_col = 1,
                                              .b = w,
                                              .b_row = f->frequencies,
                                              .b_col = 1,
                                              .c = y,
                                              .c_row = f->frequencies});
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

void antler__frames_waves(antler_run *run, const antler_frames *f, const antler_real *span, const antler_real *dy,
                          antler_real *gradient, bool more)
{
    for (int64_t first = 0; first < f->count; first += ANTLER_PART)
        antler_run_product(run, &(antler_product){
                                    .m = f->length,
                                    .n = f->frequencies,
                                    .k = f->count - first < ANTLER_PART ? f->count - first : ANTLER_PART,
                                    .a = span + first * f->step,
                                    .a_row = 1,
                                    .a_col = f->step,
                                    .b = dy + first * f->frequencies,
                                    .b_row = f->frequencies,
                                    .b_col = 1,
                                    .c = gradient,
                                    .c_row = f->frequencies,
                                    .resume = more || first > 0,
                                });
}

void antler__frames_back(antler_run *run, const antler_frames *f, const antler_real *dy, const antler_real *w,
                         antler_real *frames, bool more)
{
    antler_run_product(run, &(antler_product){.m = f->count,
                                              .n = f->length,
                                              .k = f->frequencies,
                                              .a = dy,
                                              .a_row = f->frequencies,
                                              .a_col = 1,
                                              .b = w,
                                              .b_row = 1,
                                              .b_col = f->frequencies,
                                              .c = frames,
                                              .c_row = f->length,
                                              .bias = more ? frames : NULL,
                                              .bias_row = f->length});
}

/* The sum over the frames that see a place of the span, in their order; 0 for a place outside. */
static antler_real seen(const job *j, int64_t place)
{
    const antler_frames *f = j->f;
    antler_real sum = 0;
    if (place < 0)
        return 0;
    const int64_t begin = place < f->length ? 0 : (place - f->length) / f->step + 1;
    for (int64_t i = begin; i < f->count && i * f->step <= place; i++)
        sum += j->from[i * f->length + place - i * f->step];
    return sum;
}

static void give(void *arg, int64_t first, int64_t count)
{
    const job *j = arg;
    const antler_frames *f = j->f;
    for (int64_t t = first; t < first + count; t++) {
        antler_real sum = seen(j, f->before + t);
        if (f->reflect && t > 0)
            sum += seen(j, f->before - t);
        if (f->reflect && t < f->steps - 1)
            sum += seen(j, f->before + 2 * (f->steps - 1) - t);
        j->to[t * f->channels] = sum;
    }
}

void antler__frames_give(antler_run *run, const antler_frames *f, const antler_real *frames, antler_real *dx)
{
    job j = {f, frames, dx};
    antler_run_ranges(run, f->steps, 2 * (f->length / f->step + 1), give, &j);
}
