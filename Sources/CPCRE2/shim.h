// PCRE2 for 8-bit code units; Swift cannot see the macro-made names without the width.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
