// A team of pinned threads that takes work in runs from one shared counter.
//
// The counter ("ticket") is one 64-bit word: the job's number, its count of runs, and the next run to take.
// Taking a run and learning which job it belongs to is then one atomic addition. A thread that was asleep
// or descheduled while a job went by finds no run left and goes on; the caller waits for runs, never for
// threads. The job's fields may be read after a run was taken, since the job cannot end before that run is
// done.
//
// A member without work spins, then yields, then sleeps on a condition variable: jobs follow each other
// within microseconds while a token is computed, and must cost nothing when nothing is computed.
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "skein_system.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    RUN_BITS = 20,
    RUN_MASK = (1 << RUN_BITS) - 1,
    MAX_RUNS = RUN_MASK / 2, // room for every member's vain attempts past the last run
    SPINS_BEFORE_YIELD = 2000,
    YIELDS_BEFORE_SLEEP = 200,
};

typedef struct {
    skein_team *team;
    pthread_t thread;
    int32_t core;
    int32_t index;
} member;

struct skein_team {
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) _Atomic uint32_t done;
    _Alignas(64) _Atomic uint32_t sleepers;
    atomic_bool stopping;
    skein_task *task;
    const void *args;
    int32_t items;
    int32_t grain;
    char *workspace;
    size_t workspace_stride;
    uint32_t job;
    int32_t count;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    member *members;
};

static uint32_t next_of(uint64_t ticket) { return (uint32_t)ticket & RUN_MASK; }
static uint32_t runs_of(uint64_t ticket) { return (uint32_t)(ticket >> RUN_BITS) & RUN_MASK; }
static bool has_work(uint64_t ticket) { return next_of(ticket) < runs_of(ticket); }

static bool pin(int32_t core) {
#if defined(__linux__)
    cpu_set_t set;
    if (core < 0 || core >= CPU_SETSIZE) return false;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
#else
    (void)core;
    return false; // Darwin has no pinning
#endif
}

// Takes runs until none is left.
static void work(skein_team *team, int32_t index) {
    while (has_work(atomic_load_explicit(&team->ticket, memory_order_relaxed))) {
        uint64_t ticket = atomic_fetch_add_explicit(&team->ticket, 1, memory_order_acquire);
        if (!has_work(ticket)) return;
        int32_t begin = (int32_t)next_of(ticket) * team->grain;
        int32_t end = begin + team->grain < team->items ? begin + team->grain : team->items;
        team->task(team->args, begin, end, team->workspace + (size_t)index * team->workspace_stride);
        atomic_fetch_add_explicit(&team->done, 1, memory_order_release);
    }
}

static void sleep_until_work(skein_team *team) {
    pthread_mutex_lock(&team->mutex);
    // Sequentially consistent with the caller, which stores the ticket and then looks for sleepers.
    atomic_fetch_add(&team->sleepers, 1);
    while (!has_work(atomic_load(&team->ticket)) && !atomic_load(&team->stopping)) {
        pthread_cond_wait(&team->wake, &team->mutex);
    }
    atomic_fetch_sub(&team->sleepers, 1);
    pthread_mutex_unlock(&team->mutex);
}

static void *member_main(void *context) {
    member *self = context;
    skein_team *team = self->team;
    pin(self->core);
    uint32_t idle = 0;
    while (!atomic_load_explicit(&team->stopping, memory_order_relaxed)) {
        if (has_work(atomic_load_explicit(&team->ticket, memory_order_relaxed))) {
            work(team, self->index);
            idle = 0;
        } else if (idle < SPINS_BEFORE_YIELD) {
            skein_spin_hint();
            idle++;
        } else if (idle < SPINS_BEFORE_YIELD + YIELDS_BEFORE_SLEEP) {
            sched_yield();
            idle++;
        } else {
            sleep_until_work(team);
            idle = 0;
        }
    }
    return NULL;
}

skein_team *skein_team_create(const int32_t *cores, int32_t count) {
    if (count < 1) return NULL;
    skein_team *team = aligned_alloc(64, (sizeof *team + 63) / 64 * 64);
    if (team == NULL) return NULL;
    *team = (skein_team){.count = 1};
    team->members = calloc((size_t)count, sizeof *team->members);
    if (team->members == NULL) {
        free(team);
        return NULL;
    }
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->wake, NULL);
    team->members[0].core = cores[0];
    for (int32_t i = 1; i < count; i++) {
        member *m = &team->members[i];
        *m = (member){.team = team, .core = cores[i], .index = i};
        if (pthread_create(&m->thread, NULL, member_main, m) != 0) {
            skein_team_destroy(team);
            return NULL;
        }
        team->count = i + 1;
    }
    return team;
}

bool skein_team_attach(skein_team *team) { return pin(team->members[0].core); }

void skein_team_set_workspace(skein_team *team, void *workspace, size_t stride) {
    team->workspace = workspace;
    team->workspace_stride = stride;
}

void skein_team_run(skein_team *team, skein_task *task, const void *args, int32_t items, int32_t grain) {
    if (items <= 0) return;
    if (team->count == 1 || items <= grain) {
        task(args, 0, items, team->workspace);
        return;
    }
    if (items / grain >= MAX_RUNS) grain = items / MAX_RUNS + 1;
    uint32_t runs = (uint32_t)((items + grain - 1) / grain);
    team->task = task;
    team->args = args;
    team->items = items;
    team->grain = grain;
    atomic_store_explicit(&team->done, 0, memory_order_relaxed);
    uint64_t ticket = (uint64_t)++team->job << (2 * RUN_BITS) | (uint64_t)runs << RUN_BITS;
    atomic_store(&team->ticket, ticket);
    if (atomic_load(&team->sleepers) > 0) {
        pthread_mutex_lock(&team->mutex);
        pthread_cond_broadcast(&team->wake);
        pthread_mutex_unlock(&team->mutex);
    }
    work(team, 0);
    uint32_t spins = 0;
    while (atomic_load_explicit(&team->done, memory_order_acquire) < runs) {
        if (++spins < SPINS_BEFORE_YIELD) {
            skein_spin_hint();
        } else {
            sched_yield();
        }
    }
}

void skein_team_destroy(skein_team *team) {
    if (team == NULL) return;
    pthread_mutex_lock(&team->mutex);
    atomic_store(&team->stopping, true);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->mutex);
    for (int32_t i = 1; i < team->count; i++) pthread_join(team->members[i].thread, NULL);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->mutex);
    free(team->members);
    free(team);
}
