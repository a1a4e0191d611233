#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "skein_system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

void *skein_memory_reserve(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
#if defined(MADV_HUGEPAGE)
    // Weights are read once a token from end to end: large pages save most misses of the page table.
    madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

void skein_memory_release(void *memory, size_t bytes) {
    if (memory != NULL) munmap(memory, bytes);
}

bool skein_memory_share(void *reserved, const void *source, size_t bytes) {
#if defined(__linux__)
    // A length of zero leaves the old mapping where it is.
    void *shared = mremap((void *)source, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, reserved);
    if (shared == reserved) {
        // Page by page where the kernel is too old to be asked: the first token must not wait for the disk.
        volatile const char *pages = reserved;
        if (madvise(reserved, bytes, 22 /* MADV_POPULATE_READ */) != 0) {
            for (size_t at = 0; at < bytes; at += 4096) (void)pages[at];
        }
        return true;
    }
    // What was there may be gone.
    void *again = mmap(reserved, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (again != reserved) abort();
    return false;
#else
    (void)reserved, (void)source, (void)bytes;
    return false;
#endif
}

static uint64_t memory_available_to_system(void) {
    FILE *file = fopen("/proc/meminfo", "r");
    if (file == NULL) return 0;
    char line[128];
    unsigned long long kilobytes = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemAvailable: %llu", &kilobytes) == 1) break;
    }
    fclose(file);
    return (uint64_t)kilobytes * 1024;
}

// The number in `folder`/`name`, or UINT64_MAX where there is none ("max", no such file).
static uint64_t read_number(const char *folder, const char *name) {
    char path[768];
    unsigned long long value;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) return UINT64_MAX;
    bool found = fscanf(file, "%llu", &value) == 1;
    fclose(file);
    return found ? value : UINT64_MAX;
}

// Page cache that a control group is charged for: it counts as used and could be given back.
static uint64_t cached_in_control_group(const char *folder) {
    char path[768], line[128];
    unsigned long long value;
    uint64_t cached = 0;
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "inactive_file %llu", &value) == 1 || sscanf(line, "active_file %llu", &value) == 1) {
            cached += value;
        }
    }
    fclose(file);
    return cached;
}

// What a group with this limit leaves, or UINT64_MAX where it has none.
static uint64_t memory_left(uint64_t limit, uint64_t used, uint64_t cached) {
    if (limit == UINT64_MAX || used == UINT64_MAX) return UINT64_MAX;
    uint64_t held = used > cached ? used - cached : 0;
    return limit > held ? limit - held : 0;
}

// What a control group and those above it leave, up to the folder `root`.
static uint64_t memory_left_below(const char *root, const char *group, const char *limit, const char *used) {
    char folder[512];
    snprintf(folder, sizeof folder, "%s%s", root, group);
    uint64_t least = UINT64_MAX;
    while (strlen(folder) >= strlen(root)) {
        uint64_t left = memory_left(read_number(folder, limit), read_number(folder, used),
                                    cached_in_control_group(folder));
        if (left < least) least = left;
        *strrchr(folder, '/') = 0;
    }
    return least;
}

// A container has less memory than the machine. Each line of /proc/self/cgroup is number:controllers:group;
// version 2 has one line with no controllers, version 1 one for memory.
static uint64_t memory_left_in_control_groups(void) {
    uint64_t least = UINT64_MAX;
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (file == NULL) return least;
    char line[400];
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        uint64_t left = UINT64_MAX;
        const char *memory = strstr(line, ":memory:");
        if (strncmp(line, "0::", 3) == 0) {
            left = memory_left_below("/sys/fs/cgroup", line + 3, "memory.max", "memory.current");
        } else if (memory != NULL) {
            left = memory_left_below("/sys/fs/cgroup/memory", memory + strlen(":memory:"), "memory.limit_in_bytes",
                                     "memory.usage_in_bytes");
        }
        if (left < least) least = left;
    }
    fclose(file);
    return least;
}

uint64_t skein_memory_resident(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    unsigned long long total = 0;
    unsigned long long resident = 0;
    int count = fscanf(file, "%llu %llu", &total, &resident);
    fclose(file);
    return count == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

uint64_t skein_memory_available(void) {
    uint64_t system = memory_available_to_system();
    uint64_t groups = memory_left_in_control_groups();
    return groups < system ? groups : system;
}

void skein_spin_hint(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

uint64_t skein_clock_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
