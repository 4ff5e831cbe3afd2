// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace events of get_user_pages().
 */
#include "gup_internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/gup.h>
