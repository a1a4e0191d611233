// Counts calls of malloc and its kin in the whole test process, so that a test can show that a loop makes
// none. Glibc only: elsewhere the count stays at zero and `skein_counts_allocations` is false.
#ifndef SKEIN_ALLOCATION_COUNTER_H
#define SKEIN_ALLOCATION_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

bool skein_counts_allocations(void);

// Allocations so far while counting was on.
uint64_t skein_allocation_count(void);

// Counts the calls of all threads between the two.
void skein_allocation_counting_start(void);
void skein_allocation_counting_stop(void);

#endif
