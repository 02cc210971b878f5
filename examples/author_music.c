/* author_music: who plays? Clips of one second of guitar by one of two players. EpyNN's recordings are a download that
   we do not have, so two players are made here by plucked-string synthesis (after K. Karplus and A. Strong, 1983): each
   string is a delay line one period long, filled with the pluck, whose ends are joined through a filter

       s(t) = gain * ((1 - dull) * s(t - period) + dull * s(t - period + 1))

   Player 0 (folder `true`) plays slow arpeggios with the flesh of the thumb, over the middle of the strings, and lets
   them ring. Player 1 (folder `false`) plays quick riffs with a plectrum near the bridge and mutes every note with the
   palm. With --wav, recordings in FOLDER/true and FOLDER/false stand in for them.

   Each take is brought to 16 levels by its own extremes, level = ceil(15 (x - min) / (max - min)); every 4th point is
   kept (11,025 Hz), and a take of T seconds gives floor(T) clips of 10,000 points. All are shuffled; of up to 256, two
   thirds train. One-hot labels. */
#include "make_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef ANTLER_SNDFILE
#include <dirent.h>
#include <errno.h>
#include <sndfile.h>
#include <sys/stat.h>
#endif

enum { RATE = 44100, STRINGS = 6, LONGEST_PERIOD = 600, SECONDS = 12, TAKE = SECONDS * RATE };
enum { LEVELS = 16, EVERY = 4, CLIP = 10000, MOST_CLIPS = 256, TRAIN_OF_256 = 171 };
enum { USE_CLIPS = 4, USE_TAKES = 16 }; /* streams of the seed; takes are numbered on from USE_TAKES */

static const char synthetic[] = "SYNTHETIC: two players made by plucked-string synthesis, not recordings.";
static const char recorded[] = "Recordings of two players: true (0) and false (1).";

/* ---- the players ---- */

typedef struct player {
    int takes;
    int beat;       /* points from one pluck to the next */
    double rest;    /* chance that a beat is left out */
    double hold;    /* part of a beat after which the palm mutes the string; beyond 1: it rings on */
    double place;   /* where the string is plucked, as a part of its length from the bridge */
    double soft;    /* 0: the hard edge of a plectrum; towards 1: flesh */
    double dull;    /* loss of brightness while it rings, 0 to .5 */
    double ringing; /* gain of a period, ringing */
    double muted;   /* ... and under the palm */
    int low, high;  /* strings used, 0 the lowest */
} player;

static const player players[2] = {
    {.takes = 11,
     .beat = 13230,
     .rest = 0,
     .hold = 9,
     .place = .45,
     .soft = .8,
     .dull = .35,
     .ringing = .9985,
     .muted = .9985,
     .low = 0,
     .high = 5},
    {.takes = 14,
     .beat = 7350,
     .rest = .35,
     .hold = .2,
     .place = .08,
     .soft = .1,
     .dull = .5,
     .ringing = .985,
     .muted = .8,
     .low = 1,
     .high = 4},
};

/* Periods of the open strings E2 A2 D3 G3 B3 E4, and what each fret makes of a period: 2^(-fret / 12). */
static const double open_period[STRINGS] = {535.1, 400.9, 300.3, 225.0, 178.6, 133.8};
static const double fret_ratio[] = {1, .943874, .890899, .840896, .793701};

typedef struct string {
    double line[LONGEST_PERIOD];
    int period, at;
    int64_t since; /* points since it was plucked */
} string;

/* Fills the line with the pluck: noise, smoothed by the finger, less itself delayed by the place of the pluck, so that
   harmonics with a node there are missing. */
static void pluck(string *s, const player *p, int period, generator *g)
{
    double noise[LONGEST_PERIOD], last = 0, mean = 0, largest = 0;
    for (int i = 0; i < period; i++)
        noise[i] = last = p->soft * last + (1 - p->soft) * (2 * generator_uniform(g) - 1);
    int delay = (int)(p->place * period);
    for (int i = 0; i < period; i++) {
        s->line[i] = noise[i] - noise[(i + period - delay) % period];
        mean += s->line[i] / period;
    }
    for (int i = 0; i < period; i++) {
        s->line[i] -= mean;
        double size = s->line[i] < 0 ? -s->line[i] : s->line[i];
        largest = size > largest ? size : largest;
    }
    double force = (.7 + .3 * generator_uniform(g)) / largest;
    for (int i = 0; i < period; i++)
        s->line[i] *= force;
    s->period = period;
    s->at = 0;
    s->since = 0;
}

/* The string's next point. */
static double sound(string *s, const player *p)
{
    double gain = (double)s->since++ < p->hold * p->beat ? p->ringing : p->muted;
    int next = s->at + 1 == s->period ? 0 : s->at + 1;
    double value = s->line[s->at];
    s->line[s->at] = gain * ((1 - p->dull) * value + p->dull * s->line[next]);
    s->at = next;
    return value;
}

/* One take of TAKE points; the loudest is 32,000. */
static void play(const player *p, generator *g, double *mix, int16_t *take)
{
    static const string still = {.period = 1};
    string strings[STRINGS];
    double largest = 1e-9;
    for (int i = 0; i < STRINGS; i++)
        strings[i] = still;
    for (int t = 0; t < TAKE; t++) {
        if (t % p->beat == 0 && generator_uniform(g) >= p->rest) {
            int64_t which = p->low + generator_below(g, p->high - p->low + 1);
            int64_t fret = generator_below(g, sizeof fret_ratio / sizeof *fret_ratio);
            pluck(&strings[which], p, (int)(open_period[which] * fret_ratio[fret]), g);
        }
        mix[t] = 0;
        for (int i = 0; i < STRINGS; i++)
            mix[t] += sound(&strings[i], p);
        double size = mix[t] < 0 ? -mix[t] : mix[t];
        largest = size > largest ? size : largest;
    }
    for (int t = 0; t < TAKE; t++)
        take[t] = (int16_t)(32000 * mix[t] / largest);
}

/* ---- from takes to clips ---- */

typedef struct clips {
    uint8_t *level; /* (n, CLIP) */
    uint8_t *label; /* (n) */
    int64_t n;
} clips;

/* ceil(15 (x - min) / (max - min)); a take without any sound is all 0. */
static uint8_t quantise(int32_t x, int32_t smallest, int32_t largest)
{
    int32_t range = largest > smallest ? largest - smallest : 1;
    return (uint8_t)(((LEVELS - 1) * (x - smallest) + range - 1) / range);
}

/* Appends the clips of one take of `points` points, `stride` apart (channels: the first counts). */
static antler_status cut(clips *c, const int16_t *take, int64_t points, int64_t stride, uint8_t label,
                         antler_error *err)
{
    int64_t more = points / RATE;
    uint8_t *level = realloc(c->level, (size_t)((c->n + more + 1) * CLIP));
    c->level = level ? level : c->level;
    uint8_t *labels = realloc(c->label, (size_t)(c->n + more + 1));
    c->label = labels ? labels : c->label;
    if (!level || !labels)
        return antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    int32_t smallest = INT16_MAX, largest = INT16_MIN;
    for (int64_t t = 0; t < points; t++) {
        smallest = take[t * stride] < smallest ? take[t * stride] : smallest;
        largest = take[t * stride] > largest ? take[t * stride] : largest;
    }
    for (int64_t i = 0; i < more * CLIP; i++)
        c->level[c->n * CLIP + i] = quantise(take[i * EVERY * stride], smallest, largest);
    memset(c->label + c->n, label, (size_t)more);
    c->n += more;
    return ANTLER_OK;
}

/* Calls fn(arg, take, label, number) for each synthetic take. */
typedef antler_status (*take_fn)(void *arg, const int16_t *take, uint8_t label, int number, antler_error *err);

static antler_status play_all(int64_t seed, take_fn fn, void *arg, antler_error *err)
{
    double *mix = malloc(TAKE * sizeof *mix);
    int16_t *take = malloc(TAKE * sizeof *take);
    antler_status status = mix && take ? ANTLER_OK : antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    uint32_t stream = USE_TAKES;
    for (uint8_t label = 0; label < 2; label++)
        for (int i = 0; status == ANTLER_OK && i < players[label].takes; i++) {
            generator g = generator_make(seed, stream++);
            play(&players[label], &g, mix, take);
            status = fn(arg, take, label, i, err);
        }
    free(mix);
    free(take);
    return status;
}

static antler_status cut_take(void *arg, const int16_t *take, uint8_t label, int number, antler_error *err)
{
    (void)number;
    return cut(arg, take, TAKE, 1, label, err);
}

/* Shuffles all clips, keeps up to MOST_CLIPS and writes them. */
static antler_status write_clips(const clips *c, const char *about, const char *path, int64_t seed, antler_error *err)
{
    int64_t n = c->n < MOST_CLIPS ? c->n : MOST_CLIPS;
    generator g = generator_make(seed, USE_CLIPS);
    int64_t *order = shuffled(&g, c->n);
    rows all = {.dtype = ANTLER_UINT8, .shape = {2, {c->n, CLIP}}, .values = c->level};
    rows x = {0}, y = rows_make(ANTLER_UINT8, n, (int64_t[]){2}, 1);
    antler_status status = ANTLER_OK;
    if (order && y.values) {
        x = rows_take(&all, order, n);
        for (int64_t i = 0; i < n; i++)
            ((uint8_t *)y.values)[2 * i + c->label[order[i]]] = 1;
        status = write_split(path, about, &x, &y, n * TRAIN_OF_256 / MOST_CLIPS, err);
    } else {
        status = antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    }
    free(order);
    free(x.values);
    free(y.values);
    return status;
}

/* ---- WAV files ---- */

#ifdef ANTLER_SNDFILE

static const char *const folders[2] = {"true", "false"};

static antler_status read_wav(clips *c, const char *path, uint8_t label, antler_error *err)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (!file)
        return antler_error_set(err, ANTLER_FORMAT, NULL, "%s: %s", path, sf_strerror(NULL));
    antler_status status = ANTLER_OK;
    int16_t *take = NULL;
    if (info.samplerate != RATE || info.frames < RATE || info.frames > INT32_MAX || info.channels > 8)
        status =
            antler_error_set(err, ANTLER_DATA, NULL, "%s: %d Hz, %lld points; expected %d Hz and at least a second",
                             path, info.samplerate, (long long)info.frames, RATE);
    else if (!(take = malloc((size_t)info.frames * (size_t)info.channels * sizeof *take)))
        status = antler_error_set(err, ANTLER_MEMORY, NULL, "out of memory");
    else
        status = cut(c, take, sf_readf_short(file, take, info.frames), info.channels, label, err);
    free(take);
    sf_close(file);
    return status;
}

static int is_wav(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && !strcmp(entry->d_name + length - 4, ".wav");
}

/* Files by name, so that the order of a folder's entries does not matter. */
static antler_status read_folder(clips *c, const char *folder, uint8_t label, antler_error *err)
{
    char path[4096];
    struct dirent **entry = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, folders[label]);
    int n = scandir(path, &entry, is_wav, alphasort);
    if (n <= 0)
        return antler_error_set(err, ANTLER_FILE, NULL, "%s: no .wav files", path);
    antler_status status = ANTLER_OK;
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", folder, folders[label], entry[i]->d_name);
        if (status == ANTLER_OK)
            status = read_wav(c, path, label, err);
        free(entry[i]);
    }
    free(entry);
    return status;
}

static antler_status write_wav(void *arg, const int16_t *take, uint8_t label, int number, antler_error *err)
{
    char path[4096];
    const char *folder = arg;
    snprintf(path, sizeof path, "%s/%s", folder, folders[label]);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return antler_error_set(err, ANTLER_FILE, NULL, "%s: %s", path, strerror(errno));
    snprintf(path, sizeof path, "%s/%s/synthetic-%02d.wav", folder, folders[label], number);
    SF_INFO info = {.samplerate = RATE, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    if (!file)
        return antler_error_set(err, ANTLER_FILE, NULL, "%s: %s", path, sf_strerror(NULL));
    sf_set_string(file, SF_STR_TITLE, synthetic);
    sf_count_t written = sf_writef_short(file, take, TAKE);
    if (sf_close(file) != 0 || written != TAKE)
        return antler_error_set(err, ANTLER_FILE, NULL, "%s: not all could be written", path);
    return ANTLER_OK;
}

antler_status make_author_music_wav(const char *folder, int64_t seed, antler_error *err)
{
    char name[4096];
    snprintf(name, sizeof name, "%s", folder);
    ANTLER_TRY(play_all(seed, write_wav, name, err));
    printf("%s: %d + %d takes of %d s. %s\n", folder, players[0].takes, players[1].takes, SECONDS, synthetic);
    return ANTLER_OK;
}

#else

static antler_status read_folder(clips *c, const char *folder, uint8_t label, antler_error *err)
{
    (void)c, (void)label;
    return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "%s: this build reads no WAV files (no libsndfile)", folder);
}

antler_status make_author_music_wav(const char *folder, int64_t seed, antler_error *err)
{
    (void)seed;
    return antler_error_set(err, ANTLER_UNSUPPORTED, NULL, "%s: this build writes no WAV files (no libsndfile)",
                            folder);
}

#endif

antler_status make_author_music(const char *folder, const char *path, int64_t seed, antler_error *err)
{
    clips c = {0};
    antler_status status = ANTLER_OK;
    if (!folder)
        status = play_all(seed, cut_take, &c, err);
    for (uint8_t label = 0; folder && status == ANTLER_OK && label < 2; label++)
        status = read_folder(&c, folder, label, err);
    if (status == ANTLER_OK)
        status = write_clips(&c, folder ? recorded : synthetic, path, seed, err);
    free(c.level);
    free(c.label);
    return status;
}
