#include "conformance.h"

#include <stdio.h>
#include <string.h>

int failures(void);

// Without arguments, every set beside the reference must pass. Names as arguments must be there: an emulator that lacks a
// feature would otherwise let its kernels pass untested.
int main(int count, char **names) {
    for (int i = 1; i < count; i++) {
        if (skein_kernels_named(names[i]) == NULL) report("this processor does not run %s", names[i]);
    }
    const skein_kernels *set;
    for (int32_t i = 0; (set = other_kernels(i)) != NULL; i++) {
        int before = failures();
        check_quantize_activations(set);
        check_linear(set);
        check_rows(set);
        check_attention(set);
        check_mixtures(set);
        check_latent_attention(set);
        printf("%s: %s\n", set->name, failures() == before ? "as the reference" : "FAILED");
        fflush(stdout);
    }
    check_linear_agrees();
    if (failures() > 0) printf("%d failures\n", failures());
    return failures() > 0;
}
