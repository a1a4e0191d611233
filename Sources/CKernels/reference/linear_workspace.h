// What a thread's workspace for linear holds: the reference kernel one row of float32 weights, the others
// a panel of weights and behind it the sums of a panel's rows for every token.
#ifndef SKEIN_LINEAR_WORKSPACE_H
#define SKEIN_LINEAR_WORKSPACE_H

enum {
    SKEIN_PANEL_BYTES = 32768,
    SKEIN_PANEL_ROWS = 32,
};

#endif
