#include "conformance.h"

#include <stdio.h>
#include <string.h>

int failures(void);

static bool is_named(const char *set, int count, char **names) {
    for (int i = 0; i < count; i++) {
        if (strcmp(set, names[i]) == 0) return true;
    }
    return false;
}

// The arguments name the sets that this processor has, beside the reference: no more, no less. An emulator that lacks a
// feature would otherwise let its kernels pass untested.
int main(int count, char **names) {
    for (int i = 1; i < count; i++) {
        if (skein_kernels_named(names[i]) == NULL) report("this processor does not run %s", names[i]);
    }
    const skein_kernels *set;
    for (int32_t i = 0; (set = other_kernels(i)) != NULL; i++) {
        if (!is_named(set->name, count - 1, names + 1)) report("this processor runs %s", set->name);
        if (failures() > 0) break;
        check_quantize_activations(set);
        check_linear(set);
        check_rows(set);
        check_attention(set);
        check_mixtures(set);
        check_latent_attention(set);
        if (failures() == 0) printf("%s: as the reference\n", set->name);
        fflush(stdout);
    }
    if (failures() == 0) check_linear_agrees();
    if (failures() > 0) printf("%d failures\n", failures());
    return failures() > 0;
}
