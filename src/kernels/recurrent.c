/* Recurrent layers: SimpleRNN, LSTM and GRU, forward and backward through all steps. The steps themselves, and their
   equations, are in recurrent_step.h.

   Lanes are 16 units of one row, all in place; or, where units are few, 16 rows of one unit: rows are then transposed,
   some steps at a time, into scratch, and a network of one unit takes 16 rows through a step at once. */
#include "recurrent_step.h"

/* Where rows are lanes: most units, and the vectors of scratch that a chunk of steps may take at most. */
enum { LANE_UNITS = 24, LANE_VECTORS = 1024 };

/* Rows that go through a step together where units are lanes: U is read once for all of them. */
enum { ROWS = 32 };

/* --------------------------------------------------------------------------------------- the steps, compiled */

/* A step four times over, [usual][lanes]: with both as constants. */
#define STEPS(name, type, function)                                                       \
    ANTLER_INLINE void name##_as(const type *s, bool usual, bool lanes)                   \
    {                                                                                     \
        type step = *s;                                                                   \
        step.f.usual = usual && INLINE_USUAL;                                             \
        step.f.lanes = lanes;                                                             \
        name(&step);                                                                      \
    }                                                                                     \
    static void name##_called_units(const type *s)                                        \
    {                                                                                     \
        name##_as(s, false, false);                                                       \
    }                                                                                     \
    static void name##_called_lanes(const type *s)                                        \
    {                                                                                     \
        name##_as(s, false, true);                                                        \
    }                                                                                     \
    static void name##_usual_units(const type *s)                                         \
    {                                                                                     \
        name##_as(s, true, false);                                                        \
    }                                                                                     \
    static void name##_usual_lanes(const type *s)                                         \
    {                                                                                     \
        name##_as(s, true, true);                                                         \
    }                                                                                     \
    static function *const name##_of[2][2] = {{name##_called_units, name##_called_lanes}, \
                                              {name##_usual_units, name##_usual_lanes}};
STEPS(simple_rnn_step, forward_step, forward_function)
STEPS(lstm_step, forward_step, forward_function)
STEPS(gru_after_step, forward_step, forward_function)
STEPS(gru_before_step, forward_step, forward_function)
STEPS(simple_rnn_back, backward_step, backward_function)
STEPS(lstm_back, backward_step, backward_function)
STEPS(gru_after_back, backward_step, backward_function)
STEPS(gru_before_back, backward_step, backward_function)
#undef STEPS

/* --------------------------------------------------------------------------- running where units are lanes */

/* The time step of step t in the order of processing. */
ANTLER_INLINE int64_t time_of(const antler_recurrence *r, int64_t t)
{
    return r->backwards ? r->steps - 1 - t : t;
}

/* Row `row` of array p (batch, steps, size) at `step`. */
ANTLER_INLINE source step_source(const antler_recurrence *r, const antler_real *p, int64_t row, int64_t step,
                                 int64_t size)
{
    return (source){p ? p + (row * r->steps + step) * size : NULL, r->steps * size};
}

ANTLER_INLINE target step_target(const antler_recurrence *r, antler_real *p, int64_t row, int64_t step, int64_t size)
{
    return (target){p ? p + (row * r->steps + step) * size : NULL, r->steps * size};
}

ANTLER_INLINE source state_source(const antler_real *p, int64_t row, int64_t units)
{
    return (source){p ? p + row * units : NULL, units};
}

/* The state before step t: of the step before, or the initial one, or zeros. */
ANTLER_INLINE source state_before(const antler_recurrence *r, const antler_real *states, const antler_real *initial,
                                  int64_t row, int64_t t, const antler_real *zeros)
{
    if (t > 0)
        return r->last_only ? state_source(states, row, r->units) : step_source(r, states, row, t - 1, r->units);
    return initial ? state_source(initial, row, r->units) : (source){zeros, 0};
}

/* Takes n vectors' worth of rows from scratch. */
ANTLER_INLINE target work(antler_real **scratch, int64_t rows, int64_t size)
{
    const target t = {*scratch, size};
    *scratch += rows * size;
    return t;
}

/* The columns of a weight (k, n), for all steps: copied where there are enough of them to pay for it. */
static matrix matrix_of(const antler_recurrence *r, antler_real **scratch, const antler_real *from, int64_t row,
                        int64_t k, int64_t n)
{
    return r->steps > 4 ? packed(scratch, from, row, k, n) : in_place(from, row);
}

static void zero(target t, int64_t rows, int64_t size)
{
    for (int64_t i = 0; i < rows; i++)
        memset(t.p + i * t.row, 0, (size_t)size * sizeof *t.p);
}

/* A state (batch, units), or zeros for NULL, of rows from `row` on; and back, unless it is not wanted. */
static void rows_in(target t, const antler_real *p, int64_t row, int64_t rows, int64_t units)
{
    if (!p)
        zero(t, rows, units);
    for (int64_t i = 0; p && i < rows; i++)
        memcpy(t.p + i * t.row, p + (row + i) * units, (size_t)units * sizeof *t.p);
}

static void rows_out(antler_real *p, target t, int64_t row, int64_t rows, int64_t units)
{
    for (int64_t i = 0; p && i < rows; i++)
        memcpy(p + (row + i) * units, t.p + i * t.row, (size_t)units * sizeof *t.p);
}

static void forward_units(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch, int gates,
                          int saved, forward_function *take_step)
{
    const int64_t units = r->units, width = gates * units;
    forward_step s = {.f = {.r = r, .units = units, .lanes = false}};
    s.z = work(&scratch, ROWS, width);
    s.kept = work(&scratch, ROWS, units);
    s.reset = work(&scratch, ROWS, units);
    const target zeros = work(&scratch, 1, units), gate_work = work(&scratch, ROWS, saved * units);
    zero(zeros, 1, units);
    s.f.u = matrix_of(r, &scratch, r->u, width, units, width);
    if (gates == 3 && !r->reset_after)
        s.f.third = matrix_of(r, &scratch, r->u + 2 * units, width, units, units);
    for (int64_t row = row0; row < row1; row += ROWS) {
        s.f.rows = row1 - row < ROWS ? row1 - row : ROWS;
        s.f.keep = state_source(r->keep, row, units);
        for (int64_t t = 0; t < r->steps; t++) {
            const int64_t time = time_of(r, t);
            s.f.mask = step_source(r, r->mask, row, time, 1);
            s.x = step_source(r, r->xw, row, time, width);
            s.h_before = state_before(r, r->h, r->h0, row, t, zeros.p);
            s.c_before = state_before(r, r->c, r->c0, row, t, zeros.p);
            s.h = r->last_only ? (target){r->h + row * units, units} : step_target(r, r->h, row, t, units);
            if (r->c)
                s.c = r->last_only ? (target){r->c + row * units, units} : step_target(r, r->c, row, t, units);
            s.saved = r->gates ? step_target(r, r->gates, row, t, saved * units) : gate_work;
            take_step(&s);
        }
    }
}

static void backward_units(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch, int gates,
                           int saved, backward_function *take_step)
{
    const int64_t units = r->units, width = gates * units;
    backward_step s = {.f = {.r = r, .units = units, .lanes = false}};
    s.dh_carry = work(&scratch, ROWS, units);
    s.dc_carry = work(&scratch, ROWS, units);
    s.direct = work(&scratch, ROWS, units);
    s.sums = work(&scratch, ROWS, units);
    s.part = work(&scratch, ROWS, units);
    const target zeros = work(&scratch, 1, units);
    zero(zeros, 1, units);
    s.f.u = matrix_of(r, &scratch, r->u_t, units, width, units);
    s.f.third = (matrix){s.f.u.p + 2 * units * s.f.u.row, s.f.u.row, s.f.u.panel};
    for (int64_t row = row0; row < row1; row += ROWS) {
        s.f.rows = row1 - row < ROWS ? row1 - row : ROWS;
        s.f.keep = state_source(r->keep, row, units);
        rows_in(s.dh_carry, r->dh_end, row, s.f.rows, units);
        rows_in(s.dc_carry, r->dc_end, row, s.f.rows, units);
        for (int64_t t = r->steps - 1; t >= 0; t--) {
            const int64_t time = time_of(r, t);
            s.ends = t == 0 && !r->dh0;
            s.f.mask = step_source(r, r->mask, row, time, 1);
            if (r->dh_last_only)
                s.dh = t == r->steps - 1 ? state_source(r->dh, row, units) : (source){NULL, 0};
            else
                s.dh = step_source(r, r->dh, row, t, units);
            s.h = step_source(r, r->h, row, t, units);
            s.c = step_source(r, r->c, row, t, units);
            s.h_before = state_before(r, r->h, r->h0, row, t, zeros.p);
            s.c_before = state_before(r, r->c, r->c0, row, t, zeros.p);
            s.saved = step_source(r, r->gates, row, t, saved * units);
            s.dz = step_target(r, r->dz, row, time, width);
            s.dr = step_target(r, r->dr, row, time, width);
            take_step(&s);
        }
        rows_out(r->dh0, s.dh_carry, row, s.f.rows, units);
        rows_out(r->dc0, s.dc_carry, row, s.f.rows, units);
    }
}

/* ---------------------------------------------------------------------------- running where rows are lanes */

/* lanes[i * 16 + row] = rows[row * apart + i]; lanes without a row are 0. */
static void to_lanes(antler_real *lanes, const antler_real *rows, int64_t apart, int count, int64_t n)
{
    int64_t i = 0;
    if (count < 16)
        memset(lanes, 0, (size_t)n * 16 * sizeof *lanes);
    else
        for (; i + 16 <= n; i += 16)
            vtranspose(lanes + 16 * i, 16, rows + i, apart);
    for (; i < n; i++)
        for (int row = 0; row < count; row++)
            lanes[16 * i + row] = rows[row * apart + i];
}

static void from_lanes(antler_real *rows, int64_t apart, int count, const antler_real *lanes, int64_t n)
{
    int64_t i = 0;
    if (count == 16)
        for (; i + 16 <= n; i += 16)
            vtranspose(rows + i, apart, lanes + 16 * i, 16);
    for (; i < n; i++)
        for (int row = 0; row < count; row++)
            rows[row * apart + i] = lanes[16 * i + row];
}

/* The 16 rows (or fewer) of a block, and the chunk of its steps that lies in scratch. */
typedef struct chunk {
    const antler_recurrence *r;
    int64_t row, first, steps; /* steps first .. first + steps - 1 in the order of processing */
    int rows;
} chunk;

/* The earliest time step of the chunk. */
ANTLER_INLINE int64_t chunk_time(const chunk *c)
{
    return c->r->backwards ? c->r->steps - c->first - c->steps : c->first;
}

/* Steps [from, from + n) of an array (batch, steps, size), into or out of lanes. */
static void chunk_in(const chunk *c, antler_real *lanes, const antler_real *p, int64_t from, int64_t n, int64_t size)
{
    if (p)
        to_lanes(lanes, p + (c->row * c->r->steps + from) * size, c->r->steps * size, c->rows, n * size);
}

static void chunk_out(const chunk *c, antler_real *p, const antler_real *lanes, int64_t from, int64_t n, int64_t size)
{
    if (p)
        from_lanes(p + (c->row * c->r->steps + from) * size, c->r->steps * size, c->rows, lanes, n * size);
}

/* A state (batch, units), or zeros for NULL. */
static void state_in(const chunk *c, antler_real *lanes, const antler_real *p)
{
    if (p)
        to_lanes(lanes, p + c->row * c->r->units, c->r->units, c->rows, c->r->units);
    else
        memset(lanes, 0, (size_t)c->r->units * 16 * sizeof *lanes);
}

static void state_out(const chunk *c, antler_real *p, const antler_real *lanes)
{
    if (p)
        from_lanes(p + c->row * c->r->units, c->r->units, c->rows, lanes, c->r->units);
}

/* Vectors of a step in scratch: x, h, c, saved, mask forward; saved, h, c, dh, dz, dr, mask backward. */
static int64_t lane_step_vectors(int64_t units)
{
    return 15 * units + 1;
}

static int64_t chunk_steps(int64_t units)
{
    const int64_t n = LANE_VECTORS / lane_step_vectors(units);
    return n > 0 ? n : 1;
}

ANTLER_INLINE source lane_source(const antler_real *p, int64_t vector)
{
    return (source){p + 16 * vector, 0};
}

ANTLER_INLINE target lane_target(antler_real *p, int64_t vector)
{
    return (target){p + 16 * vector, 0};
}

static void forward_lanes(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch, int gates,
                          int saved, forward_function *take_step)
{
    const int64_t units = r->units, width = gates * units, most = chunk_steps(units);
    forward_step s = {.f = {.r = r, .units = units, .rows = 1, .lanes = true}};
    antler_real *x = work(&scratch, most * width, 16).p, *mask = work(&scratch, most, 16).p;
    antler_real *h = work(&scratch, (most + 1) * units, 16).p, *c = work(&scratch, (most + 1) * units, 16).p;
    antler_real *kept = work(&scratch, most * saved * units, 16).p, *keep = work(&scratch, units, 16).p;
    s.z = work(&scratch, width, 16);
    s.kept = work(&scratch, units, 16);
    s.reset = work(&scratch, units, 16);
    s.f.u = in_place(r->u, width);
    s.f.third = in_place(r->u + 2 * units, width);
    chunk k = {.r = r};
    for (k.row = row0; k.row < row1; k.row += 16) {
        k.rows = lanes_at(k.row, row1);
        state_in(&k, h, r->h0); /* step 0 of h and c in scratch is the state before the chunk */
        state_in(&k, c, r->c0);
        if (r->keep)
            state_in(&k, keep, r->keep);
        for (k.first = 0; k.first < r->steps; k.first += k.steps) {
            k.steps = r->steps - k.first < most ? r->steps - k.first : most;
            chunk_in(&k, x, r->xw, chunk_time(&k), k.steps, width);
            chunk_in(&k, mask, r->mask, chunk_time(&k), k.steps, 1);
            for (int64_t t = 0; t < k.steps; t++) {
                const int64_t time = r->backwards ? k.steps - 1 - t : t;
                s.f.mask = r->mask ? lane_source(mask, time) : (source){NULL, 0};
                s.f.keep = r->keep ? lane_source(keep, 0) : (source){NULL, 0};
                s.x = lane_source(x, time * width);
                s.h_before = lane_source(h, t * units);
                s.c_before = lane_source(c, t * units);
                s.h = lane_target(h, (t + 1) * units);
                s.c = lane_target(c, (t + 1) * units);
                s.saved = lane_target(kept, t * saved * units);
                take_step(&s);
            }
            if (!r->last_only) {
                chunk_out(&k, r->h, h + 16 * units, k.first, k.steps, units);
                chunk_out(&k, r->c, c + 16 * units, k.first, k.steps, units);
            }
            chunk_out(&k, r->gates, kept, k.first, k.steps, saved * units);
            memcpy(h, h + 16 * k.steps * units, (size_t)units * 16 * sizeof *h);
            memcpy(c, c + 16 * k.steps * units, (size_t)units * 16 * sizeof *c);
        }
        if (r->last_only) {
            state_out(&k, r->h, h);
            state_out(&k, r->c, c);
        }
    }
}

/* The states of a chunk, and before them the one it begins with. */
static void states_in(const chunk *k, antler_real *lanes, const antler_real *states, const antler_real *initial)
{
    if (!states)
        return;
    if (k->first == 0) {
        state_in(k, lanes, initial);
        chunk_in(k, lanes + 16 * k->r->units, states, 0, k->steps, k->r->units);
    } else
        chunk_in(k, lanes, states, k->first - 1, k->steps + 1, k->r->units);
}

static void backward_lanes(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch, int gates,
                           int saved, backward_function *take_step)
{
    const int64_t units = r->units, width = gates * units, most = chunk_steps(units), state = units * 16;
    backward_step s = {.f = {.r = r, .units = units, .rows = 1, .lanes = true}};
    antler_real *dz = work(&scratch, most * width, 16).p, *dr = work(&scratch, most * width, 16).p;
    antler_real *h = work(&scratch, (most + 1) * units, 16).p, *c = work(&scratch, (most + 1) * units, 16).p;
    antler_real *kept = work(&scratch, most * saved * units, 16).p, *keep = work(&scratch, units, 16).p;
    antler_real *dh = work(&scratch, most * units, 16).p, *mask = work(&scratch, most, 16).p;
    s.dh_carry = work(&scratch, units, 16);
    s.dc_carry = work(&scratch, units, 16);
    s.direct = work(&scratch, units, 16);
    s.sums = work(&scratch, units, 16);
    s.part = work(&scratch, units, 16);
    s.f.u = in_place(r->u_t, units);
    s.f.third = in_place(r->u_t + 2 * units * units, units);
    chunk k = {.r = r};
    for (k.row = row0; k.row < row1; k.row += 16) {
        k.rows = lanes_at(k.row, row1);
        if (r->keep)
            state_in(&k, keep, r->keep);
        state_in(&k, s.dh_carry.p, r->dh_end);
        state_in(&k, s.dc_carry.p, r->dc_end);
        for (int64_t end = r->steps; end > 0; end = k.first) {
            k.first = end > most ? end - most : 0;
            k.steps = end - k.first;
            states_in(&k, h, r->h, r->h0);
            states_in(&k, c, r->c, r->c0);
            chunk_in(&k, kept, r->gates, k.first, k.steps, saved * units);
            chunk_in(&k, mask, r->mask, chunk_time(&k), k.steps, 1);
            if (!r->dh_last_only)
                chunk_in(&k, dh, r->dh, k.first, k.steps, units);
            else if (end == r->steps)
                state_in(&k, dh + (k.steps - 1) * state, r->dh);
            for (int64_t t = k.steps - 1; t >= 0; t--) {
                const int64_t time = r->backwards ? k.steps - 1 - t : t;
                s.ends = k.first + t == 0 && !r->dh0;
                s.f.mask = r->mask ? lane_source(mask, time) : (source){NULL, 0};
                s.f.keep = r->keep ? lane_source(keep, 0) : (source){NULL, 0};
                s.dh = !r->dh_last_only || (r->dh && k.first + t == r->steps - 1) ? lane_source(dh, t * units)
                                                                                  : (source){NULL, 0};
                s.h_before = lane_source(h, t * units);
                s.h = lane_source(h, (t + 1) * units);
                s.c_before = lane_source(c, t * units);
                s.c = lane_source(c, (t + 1) * units);
                s.saved = lane_source(kept, t * saved * units);
                s.dz = lane_target(dz, time * width);
                s.dr = r->dr ? lane_target(dr, time * width) : (target){NULL, 0};
                take_step(&s);
            }
            chunk_out(&k, r->dz, dz, chunk_time(&k), k.steps, width);
            chunk_out(&k, r->dr, dr, chunk_time(&k), k.steps, width);
        }
        state_out(&k, r->dh0, s.dh_carry.p);
        state_out(&k, r->dc0, s.dc_carry.p);
    }
}

/* --------------------------------------------------------------------------------------------------- choices */

/* Whether rows should be lanes: where that takes fewer vectors. */
static bool rows_are_lanes(int64_t units, int64_t rows)
{
    return units == 1 || (units <= LANE_UNITS && (rows + 15) / 16 * units < rows * ((units + 15) / 16));
}

static void forward(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch, int gates, int saved,
                    forward_function *const steps[2])
{
    if (rows_are_lanes(r->units, row1 - row0))
        forward_lanes(r, row0, row1, scratch, gates, saved, steps[1]);
    else
        forward_units(r, row0, row1, scratch, gates, saved, steps[0]);
}

static void backward(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch, int gates, int saved,
                     backward_function *const steps[2])
{
    if (rows_are_lanes(r->units, row1 - row0))
        backward_lanes(r, row0, row1, scratch, gates, saved, steps[1]);
    else
        backward_units(r, row0, row1, scratch, gates, saved, steps[0]);
}

/* Whether the activations are those that are compiled in. */
static bool usual_gates(const antler_recurrence *r)
{
    return r->act == ANTLER_ACT_tanh && r->gate_act == ANTLER_ACT_sigmoid;
}

static void simple_rnn_forward(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch)
{
    forward(r, row0, row1, scratch, 1, 0, simple_rnn_step_of[r->act == ANTLER_ACT_tanh]);
}

static void simple_rnn_backward(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch)
{
    backward(r, row0, row1, scratch, 1, 0, simple_rnn_back_of[r->act == ANTLER_ACT_tanh]);
}

static void lstm_forward(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch)
{
    forward(r, row0, row1, scratch, 4, 4, lstm_step_of[usual_gates(r)]);
}

static void lstm_backward(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch)
{
    backward(r, row0, row1, scratch, 4, 4, lstm_back_of[usual_gates(r)]);
}

static void gru_forward(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch)
{
    if (r->reset_after)
        forward(r, row0, row1, scratch, 3, 4, gru_after_step_of[usual_gates(r)]);
    else
        forward(r, row0, row1, scratch, 3, 3, gru_before_step_of[usual_gates(r)]);
}

static void gru_backward(const antler_recurrence *r, int64_t row0, int64_t row1, antler_real *scratch)
{
    if (r->reset_after)
        backward(r, row0, row1, scratch, 3, 4, gru_after_back_of[usual_gates(r)]);
    else
        backward(r, row0, row1, scratch, 3, 3, gru_before_back_of[usual_gates(r)]);
}

/* The most that any of the above takes: 4 gates and 4 saved. More than there is for units whose square runs over. */
static size_t recurrence_scratch(int64_t units)
{
    if (units > INT32_MAX / 2)
        return SIZE_MAX / 2;
    const int64_t by_units = ROWS * 10 * units + units + units * (5 * units + 64);
    const int64_t by_lanes = 16 * (chunk_steps(units) * lane_step_vectors(units) + 10 * units);
    return (size_t)(units > LANE_UNITS || by_units > by_lanes ? by_units : by_lanes);
}

void ANTLER_VARIANT(antler__recurrent_kernels)(antler_kernels *k)
{
    k->simple_rnn_forward = simple_rnn_forward;
    k->simple_rnn_backward = simple_rnn_backward;
    k->lstm_forward = lstm_forward;
    k->lstm_backward = lstm_backward;
    k->gru_forward = gru_forward;
    k->gru_backward = gru_backward;
    k->recurrence_scratch = recurrence_scratch;
}
