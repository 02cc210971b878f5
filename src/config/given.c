/* Settings of C callers. Which members were given is seen from the text of a macro's arguments: items that commas part,
   each `.member = value`, where `value` may hold commas within brackets and literals. */
#include "config/given.h"

#include "core/status.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the text ---------------------------------------------------------------------------------------------------- */

static const char *skip_space(const char *c)
{
    while (isspace((unsigned char)*c))
        c++;
    return c;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static const char *skip_word(const char *c)
{
    while (is_word(*c))
        c++;
    return c;
}

/* Behind the literal whose quote is at c. */
static const char *skip_literal(const char *c)
{
    const char quote = *c;
    for (c++; *c && *c != quote; c++)
        if (*c == '\\' && c[1])
            c++;
    return *c ? c + 1 : c;
}

/* Behind C++'s R"mark(...)mark" whose quote is at c. */
static const char *skip_raw(const char *c)
{
    const char *open = strchr(c, '(');
    if (!open)
        return c + strlen(c);
    size_t mark = (size_t)(open - c) - 1;
    for (const char *end = strchr(open, ')'); end; end = strchr(end + 1, ')'))
        if (strncmp(end + 1, c + 1, mark) == 0 && end[1 + mark] == '"')
            return end + mark + 2;
    return c + strlen(c);
}

/* Behind the word, number (C++ writes 1'000), literal or single character at c. */
static const char *skip_token(const char *c)
{
    if (*c == '"' || *c == '\'')
        return skip_literal(c);
    if (!is_word(*c))
        return c + 1;
    bool number = isdigit((unsigned char)*c);
    const char *end = skip_word(c);
    while (number && *end == '\'' && is_word(end[1]))
        end = skip_word(end + 1);
    return *end == '"' && end[-1] == 'R' && !number ? skip_raw(end) : end;
}

/* The item at *text, without the spaces around it, and its length; *text moves on to the next. NULL after the last. */
static const char *next_item(const char **text, size_t *length)
{
    const char *start = skip_space(*text), *end = start, *c = start;
    if (!*start)
        return NULL;
    for (int depth = 0; *c && (depth > 0 || *c != ','); c = skip_space(c)) {
        depth += (*c == '(' || *c == '{' || *c == '[') - (*c == ')' || *c == '}' || *c == ']');
        end = c = skip_token(c);
    }
    *text = *c ? c + 1 : c;
    *length = (size_t)(end - start);
    return start;
}

/* The member that an item assigns, and its length; NULL when the item is not of the form. */
static const char *member_of(const char *item, size_t *length)
{
    if (*item != '.')
        return NULL;
    const char *member = skip_space(item + 1), *end = skip_word(member), *after = skip_space(end);
    *length = (size_t)(end - member);
    return *length && (*after == '=' || *after == '[' || *after == '.') ? member : NULL;
}

bool antler__given(const char *given, const char *member)
{
    const char *item;
    for (size_t length; (item = next_item(&given, &length)) != NULL;) {
        const char *name = member_of(item, &length);
        if (name && strncmp(name, member, length) == 0 && !member[length])
            return true;
    }
    return false;
}

/* ---- whether it can be ------------------------------------------------------------------------------------------- */

/* A value that C callers give as a text, if at all. */
static bool is_text(const antler_field *field)
{
    return field->kind == ANTLER_OBJECT || field->kind == ANTLER_OBJECTS || field->flags & ANTLER_BY_OUTPUT;
}

/* Whether a C caller's struct of `size` bytes has the whole member for the field. */
static bool has_member(const antler_field *field, size_t size)
{
    bool text = is_text(field);
    return field->kind != ANTLER_ANY && field->kind != ANTLER_END &&
           (text ? field->text != 0 && field->text + sizeof(char *) <= size
                 : field->offset + antler__field_size(field) <= size);
}

static bool is_known(const char *member, size_t size, const antler_form *form)
{
    const antler_field *field = form->type ? antler__field_find(form->type, member) : NULL;
    for (const antler_member *other = form->others; !field && other && other->name; other++)
        if (strcmp(member, other->name) == 0)
            return other->end <= size;
    return field && has_member(field, size);
}

/* A member to show how it is written: the type's first own. */
static const char *example(const antler_form *form)
{
    for (const antler_field *own = form->type ? form->type->fields : NULL; own && own->kind != ANTLER_END; own++)
        if (has_member(own, form->size))
            return own->key;
    return form->others ? form->others->name : "name";
}

static antler_status check_item(const char *item, size_t length, size_t size, const antler_form *form,
                                const antler_place *place, antler_error *err)
{
    enum { SHOWN = 80 };
    char name[SHOWN], where[256];
    antler__place_text(place, where, sizeof where);
    size_t letters;
    const char *member = member_of(item, &letters);
    if (!member)
        return antler_error_set(err, ANTLER_VALUE, where,
                                "`%.*s` does not name its setting; write .member = value, such as .%s = ...",
                                length < SHOWN ? (int)length : SHOWN, item, example(form));
    snprintf(name, sizeof name, "%.*s", letters < SHOWN ? (int)letters : SHOWN, member);
    return is_known(name, size, form) ? ANTLER_OK
                                      : antler_error_set(err, ANTLER_NAME, where, "there is no setting `.%s`", name);
}

antler_status antler__given_check(const void *settings, size_t size, const char *given, const antler_form *form,
                                  const antler_place *place, antler_error *err)
{
    char where[256];
    if (size)
        ANTLER_TRY(antler__require(settings, "struct of settings", err));
    ANTLER_TRY(antler__require(given, "text that tells what was given", err));
    if (size > form->size)
        return antler_error_set(err, ANTLER_VALUE, antler__place_text(place, where, sizeof where),
                                "a struct of %zu bytes, where this version's has %zu: the program was compiled with "
                                "the headers of a later version",
                                size, form->size);
    const char *item;
    for (size_t length; (item = next_item(&given, &length)) != NULL;)
        ANTLER_TRY(check_item(item, length, size, form, place, err));
    return ANTLER_OK;
}

/* ---- as JSON ----------------------------------------------------------------------------------------------------- */

antler_status antler__text_add(const char *text, const char *key, const antler_place *place, antler_json *config,
                               antler_error *err)
{
    antler_error error = {0};
    antler_json *parsed;
    if (!text || (*text != '{' && *text != '['))
        return antler__json_add_string(config, key, text) ? ANTLER_OK : antler__no_memory(err);
    antler_status status = antler__json_parse(text, strlen(text), &parsed, &error);
    if (status != ANTLER_OK) { /* the text has no file, nor lines of one */
        char where[256];
        return antler_error_set(err, status, antler__place_text(place, where, sizeof where), "%s", error.message);
    }
    if (!antler__json_add_copy(config, key, parsed))
        status = antler__no_memory(err);
    antler__json_free(parsed);
    return status;
}

/* JSON has neither NaN, which a struct may hold to say null, nor infinity. */
static antler_status check_finite(double value, const antler_place *place, antler_error *err)
{
    char where[256];
    return isfinite(value) ? ANTLER_OK
                           : antler_error_set(err, ANTLER_VALUE, antler__place_text(place, where, sizeof where),
                                              "%g is not a finite number", value);
}

static antler_status add_real(const antler_field *field, double value, const antler_place *place, antler_json *config,
                              antler_error *err)
{
    if (!isnan(value) || !(field->flags & ANTLER_NULLABLE))
        ANTLER_TRY(check_finite(value, place, err));
    return antler__json_add_real(config, field->key, value) ? ANTLER_OK : antler__no_memory(err);
}

static antler_status add_reals(const antler_field *field, const void *members, const antler_place *place,
                               antler_json *config, antler_error *err)
{
    const void *value = (const char *)members + field->offset;
    const antler_numbers *any = value;
    const double *item = field->count ? value : any->value;
    const int64_t n = field->count ? field->count : any->n;
    for (int64_t i = 0; i < n; i++)
        if (!field->count || !isnan(item[i]) || (i == 0 && !(field->flags & ANTLER_NULLABLE)))
            ANTLER_TRY(check_finite(item[i], place, err));
    return antler__field_write(field, members, config, field->key, ANTLER_STYLE_KERAS) ? ANTLER_OK
                                                                                       : antler__no_memory(err);
}

antler_status antler__config_from_struct(const antler_type *type, const void *members, const char *given,
                                         const antler_place *place, antler_json *config, antler_error *err)
{
    antler_field_walk walk = antler__fields_of(type);
    for (const antler_field *field; (field = antler__field_next(&walk));) {
        if (field->kind == ANTLER_ANY || !antler__given(given, field->key))
            continue;
        antler_place there = antler__at(place, field->key);
        if (is_text(field)) {
            const char *text = field->text ? *(const char *const *)((const char *)members + field->text) : NULL;
            ANTLER_TRY(antler__text_add(text, field->key, &there, config, err));
        } else if (field->kind == ANTLER_REAL) {
            ANTLER_TRY(add_real(field, *(const double *)((const char *)members + field->offset), &there, config, err));
        } else if (field->kind == ANTLER_REALS) {
            ANTLER_TRY(add_reals(field, members, &there, config, err));
        } else if (!antler__field_write(field, members, config, field->key, ANTLER_STYLE_KERAS)) {
            return antler__no_memory(err);
        }
    }
    return ANTLER_OK;
}
