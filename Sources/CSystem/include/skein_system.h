// What Swift cannot say portably: pinned threads that share out work, and reserved memory.
#ifndef SKEIN_SYSTEM_H
#define SKEIN_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A piece of work: items begin ..< end of what `args` describes. The same type as `skein_kernel`.
typedef void skein_task(const void *args, int32_t begin, int32_t end, void *workspace);

// A team of threads, each pinned to one core. The thread that attaches to the team is its first member;
// the team starts the others.
typedef struct skein_team skein_team;

// A team on `count` cores (operating system numbers). NULL where a thread cannot be started.
skein_team *skein_team_create(const int32_t *cores, int32_t count);

// Pins the calling thread to the team's first core. Where the system refuses (a core outside the
// process's set), the thread stays unpinned and the result is false: slower, not wrong.
bool skein_team_attach(skein_team *team);

// Gives each member its workspace: member i gets workspace + i * stride. Not while a task runs.
void skein_team_set_workspace(skein_team *team, void *workspace, size_t stride);

// Runs `task` over items 0 ..< items, `grain` items at a time, on all members; returns when all are done.
// Members take runs from a shared counter, so a member whose core is busy with something else takes fewer
// and holds nobody up. Only one thread, the one that attached, may call it. Allocates nothing.
void skein_team_run(skein_team *team, skein_task *task, const void *args, int32_t items, int32_t grain);

// Ends the threads and frees the team.
void skein_team_destroy(skein_team *team);

// Reserves zeroed memory of this size at a page boundary, or NULL. Pages are taken when first touched, by
// the core that touches them, so on a machine of several sockets they lie near their user.
void *skein_memory_reserve(size_t bytes);
void skein_memory_release(void *memory, size_t bytes);

// Puts the pages of a mapped file in the place of reserved pages: both then show the same bytes, and other processes
// that map the file share them. All three are multiples of a page; the source is a shared mapping that stays. The
// pages are read in before this returns. False where the system cannot, with the reserved pages as new.
bool skein_memory_share(void *reserved, const void *source, size_t bytes);

// Bytes of memory that the operating system could give to this process now without swapping, within the limits
// of its control groups (containers); 0 where it does not say.
uint64_t skein_memory_available(void);

// Bytes of memory that this process has now; 0 where the system does not say.
uint64_t skein_memory_resident(void);

// A hint that the processor is spinning.
void skein_spin_hint(void);

// Nanoseconds of a clock that never goes back.
uint64_t skein_clock_nanoseconds(void);

#ifdef __cplusplus
}
#endif
#endif
