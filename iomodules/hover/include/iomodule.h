/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Modules of Hover's first months include this; it is there before their first line. */
#include <hover/iomodule.h>
