/* Recurrent layers: rules of the config, shapes, variables and buffers. */
#include "layers/shared/recurrent.h"

/* Whether the kernels have it; they make its gradient from y alone. */
static bool in_kernels(antler_object activation)
{
    const antler_activation_ops *ops = antler_activation_of(activation);
    return !ops || (ops->kernel > ANTLER_ACT_none && !ops->needs_x);
}

antler_recurrent_sizes antler__recurrent_sizes(const antler_recurrent *config, const antler_cell *cell,
                                               const antler_shape *in)
{
    const bool general = !in_kernels(config->activation_) || !in_kernels(cell->gate_activation);
    return (antler_recurrent_sizes){.batch = in->dim[0],
                                    .steps = in->dim[1],
                                    .features = in->dim[2],
                                    .units = config->units,
                                    .columns = cell->gates * config->units,
                                    .general = general,
                                    .kept = cell->kept + (general ? cell->gates : 0)};
}

void antler__recurrent_loop(void *config, const antler_loop *loop)
{
    antler_recurrent *c = config;
    c->return_sequences = loop->return_sequences;
    c->return_state = loop->return_state;
    c->go_backwards = loop->go_backwards;
    c->stateful = loop->stateful;
    c->zero_output_for_mask = loop->zero_output_for_mask;
}

antler_mask_rule antler__recurrent_mask_rule(const void *config)
{
    return ((const antler_recurrent *)config)->return_sequences ? ANTLER_MASK_PASS : ANTLER_MASK_END;
}

antler_status antler__recurrent_infer(const antler_recurrent *c, const antler_cell *cell, const antler_shape *in,
                                      antler_shape *out, antler_error *err)
{
    const antler_shape state = {2, {in->dim[0], c->units}};
    const int states = antler__recurrent_states(cell);
    char text[128];
    if (in->rank != 3)
        return antler_error_set(err, ANTLER_SHAPE, NULL, "input is %s, expected (batch, steps, features)",
                                antler_shape_text(in, text, sizeof text));
    if (c->return_sequences)
        *out = (antler_shape){3, {in->dim[0], in->dim[1], c->units}};
    else
        *out = state;
    for (int i = 0; i < states && c->return_state; i++)
        out[1 + i] = state;
    return antler__sequence_states(in, &state, states, err);
}

void antler__recurrent_variables(const antler_recurrent *config, const antler_cell *cell, const antler_shape *in,
                                 antler_plan *plan)
{
    int64_t features = in->dim[2], units = config->units, columns = cell->gates * units;
    antler_plan_param(plan, SLOT_KERNEL, "kernel", "kernel", &(antler_shape){2, {features, columns}});
    antler_plan_param(plan, SLOT_RECURRENT, "recurrent_kernel", "recurrent", &(antler_shape){2, {units, columns}});
    if (config->use_bias && cell->reset_after)
        antler_plan_param(plan, SLOT_BIAS, "bias", "bias", &(antler_shape){2, {2, columns}});
    else if (config->use_bias)
        antler_plan_param(plan, SLOT_BIAS, "bias", "bias", &(antler_shape){1, {columns}});
    if (config->dropout > 0 || config->recurrent_dropout > 0) {
        antler_plan_noise(plan, SLOT_ON_INPUT, config->seed);
        antler_plan_noise(plan, SLOT_ON_STATE, config->seed);
    }
}

/* hides: a mask may make outputs differ from the states. */
static void plan_backward(const antler_recurrent *config, const antler_cell *cell, const antler_recurrent_sizes *s,
                          bool hides, antler_plan *plan)
{
    antler_shape state = {2, {s->batch, s->units}}, states = {3, {s->batch, s->steps, s->units}};
    if (!config->return_sequences || hides)
        antler_plan_saved(plan, SLOT_H, &states);
    if (cell->has_c)
        antler_plan_saved(plan, SLOT_C, &states);
    if (s->kept > 0)
        antler_plan_saved(plan, SLOT_GATES, &(antler_shape){3, {s->batch, s->steps, s->kept * s->units}});
    if (config->stateful)
        antler_plan_saved(plan, SLOT_H0, &state);
    if (config->stateful && cell->has_c)
        antler_plan_saved(plan, SLOT_C0, &state);
    antler_plan_scratch(plan, SLOT_TRANSPOSED,
                        &(antler_shape){2, {s->columns, s->units > s->features ? s->units : s->features}});
    if (cell->reset_after)
        antler_plan_scratch(plan, SLOT_PRODUCTS, &(antler_shape){3, {s->batch, s->steps, s->columns}});
    if (hides)
        antler_plan_scratch(plan, SLOT_OUTPUTS, config->return_sequences ? &states : &state);
}

void antler__recurrent_buffers(const antler_recurrent *config, const antler_cell *cell, const antler_shape *in,
                               antler_plan *plan)
{
    antler_recurrent_sizes s = antler__recurrent_sizes(config, cell, in);
    bool train = antler_plan_mode(plan) == ANTLER_TRAIN;
    antler_shape state = {2, {s.batch, s.units}};
    if (train)
        plan_backward(config, cell, &s, config->zero_output_for_mask || config->stateful || in[1].rank, plan);
    if (config->stateful)
        antler_plan_carry(plan, SLOT_H, &state);
    if (config->stateful && cell->has_c)
        antler_plan_carry(plan, SLOT_C, &state);
    if (config->dropout > 0 || config->recurrent_dropout > 0)
        antler_plan_scratch(plan, SLOT_KEEP, &(antler_shape){2, {s.batch, s.features + s.units}});
    if (config->dropout > 0)
        antler_plan_scratch(plan, SLOT_INPUTS, in);
    antler_plan_scratch(plan, SLOT_XW, &(antler_shape){3, {s.batch, s.steps, s.columns}});
    if (train && antler__recurrent_narrow(&s))
        antler_plan_scratch(plan, SLOT_STATES,
                            &(antler_shape){2, {antler__recurrent_parts(&s), antler__recurrent_part(&s)}});
    else if (train || cell->has_c)
        antler_plan_scratch(plan, SLOT_STATES, &(antler_shape){3, {s.batch, s.steps, s.units}});
    antler_plan_scratch(plan, SLOT_WORK, &(antler_shape){2, {antler_plan_workers(plan), antler__recurrent_work(&s)}});
}
