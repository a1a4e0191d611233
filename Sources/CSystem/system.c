#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "skein_system.h"

#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

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

uint64_t skein_memory_available(void) {
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
