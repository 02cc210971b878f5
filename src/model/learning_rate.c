/* The rate of the compiled optimizer. */
#include "core/memory.h"
#include "model/model.h"

#include <math.h>

static antler_object *schedule_of(const antler_model *model)
{
    antler_object *optimizer = model && model->compile ? &model->compile->optimizer : NULL;
    return optimizer && optimizer->type ? &((antler_optimizer_keys *)optimizer->config)->learning_rate : NULL;
}

/* Of a schedule that is a number. */
static double *number_of(const antler_object *schedule)
{
    return (double *)(void *)((char *)schedule->config + schedule->type->fields[0].offset);
}

double antler_learning_rate(const antler_model *model)
{
    const antler_object *schedule = schedule_of(model);
    return schedule && schedule->type->flags & ANTLER_TYPE_BARE ? (double)(antler_real)*number_of(schedule)
                                                                : (double)NAN;
}

static antler_object new_number(void)
{
    const antler_type *type;
    for (int64_t i = 0; (type = antler_type_at(ANTLER_KIND_SCHEDULE, i)) != NULL; i++)
        if (type->flags & ANTLER_TYPE_BARE)
            break;
    return (antler_object){type, type ? antler__allocate_zeroed(1, type->config_size) : NULL};
}

antler_status antler_set_learning_rate(antler_model *model, double rate, antler_error *err)
{
    antler_object *schedule = schedule_of(model);
    if (!schedule)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.optimizer", "the model has no optimizer");
    if (!isfinite((antler_real)rate) || rate < 0)
        return antler_error_set(err, ANTLER_VALUE, "compile_config.optimizer.config.learning_rate",
                                "%g is not a finite number, 0 or more", rate);
    if (!(schedule->type->flags & ANTLER_TYPE_BARE)) {
        antler_object number = new_number();
        if (!number.config)
            return antler__no_memory(err);
        antler_object_free(*schedule);
        *schedule = number;
    }
    *number_of(schedule) = rate;
    return ANTLER_OK;
}
