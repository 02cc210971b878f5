/* `antler serve`: predictions over HTTP, by TensorFlow Serving's REST API. */
#include "cli/serve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef ANTLER_WITH_SERVE

#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>

typedef struct server {
    antler_pool pool;
    char name[256]; /* of the model, in paths */
    size_t max_body;
    int64_t timeout; /* seconds of a whole request */
    struct MHD_Daemon *daemon;
} server;

/* A request, while its body comes. */
typedef struct call {
    char *body;
    size_t size, room;
    bool too_large;
    double start;
} call;

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* Sends malloc's text, which MHD frees. */
static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned code, char *text, size_t size)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "application/json");
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, POST");
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

/* What `put` writes, as an answer. */
static enum MHD_Result send_put(struct MHD_Connection *connection, unsigned code,
                                void (*put)(FILE *file, const void *arg), const void *arg)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return MHD_NO;
    put(file, arg);
    bool whole = !ferror(file);
    if (fclose(file) == 0 && whole)
        return send_text(connection, code, text, size);
    free(text);
    return MHD_NO;
}

static void put_error(FILE *file, const void *message)
{
    putc('{', file);
    antler__put_text(file, "error", message);
    fputs("}\n", file);
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned code, const char *message)
{
    return send_put(connection, code, put_error, message);
}

static enum MHD_Result refuse_request(struct MHD_Connection *connection, const antler_error *err)
{
    char text[1200];
    bool ours = err->status == ANTLER_MEMORY;
    return refuse(connection, ours ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_BAD_REQUEST,
                  antler_error_text(err, text, sizeof text));
}

static void put_status(FILE *file, const void *arg)
{
    (void)arg;
    fputs("{\"model_version_status\": [{\"version\": \"1\", \"state\": \"AVAILABLE\", \"status\": {\"error_code\": "
          "\"OK\", "
          "\"error_message\": \"\"}}]}\n",
          file);
}

/* "name": {"dtype": ..., "tensor_shape": ..., "name": ...} */
static void put_tensor(FILE *file, const char *name, const antler_shape *shape)
{
    antler__put_string(file, name);
    fprintf(file, ": {\"dtype\": \"%s\", \"tensor_shape\": {\"dim\": [",
            sizeof(antler_real) == 4 ? "DT_FLOAT" : "DT_DOUBLE");
    for (int i = 0; i < shape->rank; i++)
        fprintf(file, "%s{\"size\": \"%" PRId64 "\", \"name\": \"\"}", i ? ", " : "", shape->dim[i]);
    fputs("], \"unknown_rank\": false}, ", file);
    antler__put_text(file, "name", name);
    putc('}', file);
}

static void put_ends(FILE *file, const antler_model *model,
                     const antler_shape *(*end)(const antler_model *model, int64_t index, const char **name))
{
    const antler_shape *shape;
    const char *name;
    for (int64_t i = 0; (shape = end(model, i, &name)); i++) {
        fputs(i ? ", " : "", file);
        put_tensor(file, name, shape);
    }
}

static void put_metadata(FILE *file, const void *arg)
{
    const server *s = arg;
    fputs("{\"model_spec\": {", file);
    antler__put_text(file, "name", s->name);
    fputs(", \"signature_name\": \"\", \"version\": \"1\"}, \"metadata\": {\"signature_def\": {\"signature_def\": "
          "{\"serving_default\": {\"inputs\": {",
          file);
    put_ends(file, s->pool.model, antler_model_input);
    fputs("}, \"outputs\": {", file);
    put_ends(file, s->pool.model, antler_model_output);
    fputs("}, \"method_name\": \"tensorflow/serving/predict\"}}}}}\n", file);
}

static enum MHD_Result predict(server *s, struct MHD_Connection *connection, const call *c)
{
    antler_error err = {0};
    size_t size = 0;
    char *text = antler__pool_answer(&s->pool, c->body ? c->body : "", c->size, &size, &err);
    return text ? send_text(connection, MHD_HTTP_OK, text, size) : refuse_request(connection, &err);
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

/* What stands behind the model's name and version: "", "/metadata", ":predict"; NULL where it is no such path. */
static const char *action_of(const server *s, const char *path)
{
    static const char root[] = "/v1/models/", version[] = "/versions/1";
    size_t name = strlen(s->name);
    if (strncmp(path, root, strlen(root)) != 0 || strncmp(path + strlen(root), s->name, name) != 0)
        return NULL;
    path += strlen(root) + name;
    return strncmp(path, version, strlen(version)) == 0 ? path + strlen(version) : path;
}

static enum MHD_Result answer(server *s, struct MHD_Connection *connection, const char *path, const char *method,
                              const call *c)
{
    const char *action = action_of(s, path);
    bool get = strcmp(method, "GET") == 0, post = strcmp(method, "POST") == 0;
    bool predicts = action && strcmp(action, ":predict") == 0;
    char message[512];
    if (c->too_large) {
        snprintf(message, sizeof message, "the body is larger than %zu bytes", s->max_body);
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, message);
    }
    if (!predicts && (!action || (*action && strcmp(action, "/metadata") != 0))) {
        snprintf(message, sizeof message,
                 "no such path; there is /v1/models/%s with :predict, /metadata and /versions/1", s->name);
        return refuse(connection, MHD_HTTP_NOT_FOUND, message);
    }
    if (!(predicts ? post : get))
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, predicts ? "expected POST" : "expected GET");
    return predicts ? predict(s, connection, c)
                    : send_put(connection, MHD_HTTP_OK, *action ? put_metadata : put_status, s);
}

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

static call *new_call(const server *s, struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->start = antler__seconds();
    c->too_large = length && strtoull(length, NULL, 10) > s->max_body;
    return c;
}

/* Takes a piece of the body; what is beyond the limit is let pass and not kept. */
static bool take_piece(const server *s, call *c, const char *piece, size_t size)
{
    if (c->too_large || size > s->max_body - c->size) {
        c->too_large = true;
        return true;
    }
    if (c->size + size + 1 > c->room) {
        size_t room = 2 * (c->size + size + 1);
        char *grown = realloc(c->body, room);
        if (!grown)
            return false;
        c->body = grown;
        c->room = room;
    }
    memcpy(c->body + c->size, piece, size);
    c->body[c->size += size] = '\0';
    return true;
}

/* Called by MHD: first with the head alone, then with pieces of the body, last with none. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *piece, size_t *size, void **state)
{
    server *s = user;
    call *c = *state;
    (void)version;
    if (!c) {
        *state = c = new_call(s, connection);
        return !c ? MHD_NO : c->too_large ? answer(s, connection, path, method, c) : MHD_YES;
    }
    if (antler__seconds() - c->start > (double)s->timeout)
        return MHD_NO; /* a body that trickles */
    if (*size > 0) {
        bool taken = take_piece(s, c, piece, *size);
        *size = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    return answer(s, connection, path, method, c);
}

static void on_end(void *user, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
    call *c = *state;
    (void)user;
    (void)connection;
    (void)code;
    if (c)
        free(c->body);
    free(c);
    *state = NULL;
}

/* ---- the server -------------------------------------------------------------------------------------------------- */

static antler_status listen_at(server *s, const char *host, int64_t port, int threads, int64_t connections,
                               antler_error *err)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *address;
    char service[16];
    snprintf(service, sizeof service, "%" PRId64, port);
    if (getaddrinfo(host, service, &wanted, &address) != 0)
        return antler_error_set(err, ANTLER_VALUE, NULL, "--host: %s is no address such as 127.0.0.1 or ::1", host);
    const struct MHD_OptionItem pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, threads, NULL}, {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD;
    s->daemon = MHD_start_daemon(flags | (address->ai_family == AF_INET6 ? (unsigned)MHD_USE_IPv6 : 0U), 0, NULL, NULL,
                                 on_request, s, MHD_OPTION_SOCK_ADDR, address->ai_addr, MHD_OPTION_CONNECTION_LIMIT,
                                 (unsigned)connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)s->timeout,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_ARRAY,
                                 threads > 1 ? pool : pool + 1, MHD_OPTION_END);
    freeaddrinfo(address);
    return s->daemon ? ANTLER_OK
                     : antler_error_set(err, ANTLER_FILE, NULL, "cannot listen at %s port %" PRId64 ": is it in use?",
                                        host, port);
}

/* The file's name without folder and suffix. */
static void name_of(const char *path, char *name, size_t size)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path, *dot = strrchr(file, '.');
    snprintf(name, size, "%.*s", dot && dot > file ? (int)(dot - file) : (int)strlen(file), file);
    antler_one_line(name);
}

static antler_status start(const antler_arguments *a, server *s, const char *host, antler_error *err)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int most = cores < 1 ? 1 : cores > ANTLER_MAX_THREADS ? ANTLER_MAX_THREADS : (int)cores;
    int threads = a->threads ? (int)a->threads : most;
    int64_t connections = a->max_connections ? a->max_connections : 256;
    antler_model *model = antler__open_model(a, err);
    if (!model)
        return err->status;
    s->pool.samples = a->mc;
    s->pool.limits.rows = a->max_rows ? a->max_rows : 4096;
    s->pool.limits.length = a->max_length ? a->max_length : 4096;
    s->max_body = a->max_body ? (size_t)a->max_body : 16 << 20;
    s->timeout = a->timeout ? a->timeout : 30;
    name_of(a->argument[0], s->name, sizeof s->name);
    ANTLER_TRY(antler__pool_make(&s->pool, model, antler__batch_size(a, model), threads, err));
    return listen_at(s, host, a->port, threads, connections < threads ? threads : connections, err);
}

static void announce(const server *s, const char *host)
{
    const union MHD_DaemonInfo *port = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
    bool colon = strchr(host, ':') != NULL;
    printf("http://%s%s%s:%u/v1/models/%s\n", colon ? "[" : "", host, colon ? "]" : "", port ? port->port : 0U,
           s->name);
    antler__flush();
}

static int run(const antler_arguments *a)
{
    const char *host = a->host ? a->host : "127.0.0.1";
    antler_error err = {0};
    server s = {0};
    sigset_t ends;
    int signal_number;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* in all threads: they wait for sigwait below */
    if (start(a, &s, host, &err) == ANTLER_OK) {
        if (!a->quiet)
            announce(&s, host);
        sigwait(&ends, &signal_number);
    }
    if (s.daemon)
        MHD_stop_daemon(s.daemon);
    antler__pool_free(&s.pool);
    return err.status == ANTLER_OK ? 0 : antler__fail(&err);
}

#else

static int run(const antler_arguments *a)
{
    (void)a;
    fprintf(stderr, "antler: serve: this build has no server: it was made without libmicrohttpd\n");
    return 1;
}

#endif

const antler_command antler__command_serve = {
    "serve",
    "MODEL",
    1,
    1,
    ANTLER_OPTION_SERVE | ANTLER_OPTION_MC | ANTLER_OPTION_BATCH_SIZE | ANTLER_OPTION_SEED | ANTLER_OPTION_THREADS |
        ANTLER_OPTION_WEIGHTS | ANTLER_OPTION_BY_NAME | ANTLER_OPTION_QUIET,
    "answers requests for predictions over HTTP, by TensorFlow Serving's REST API",
    run,
    "antler serve digits.keras --port 8501",
};
