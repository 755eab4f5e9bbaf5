/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/types.h"

const char *ph_status_text(enum ph_status status)
{
	static const char *const texts[] = {
		[PH_OK] = "read",
		[PH_UNMAPPED] = "not mapped",
		[PH_LEFT_OUT] = "not in the core",
		[PH_CORRUPT] = "corrupt",
		[PH_ABSENT] = "absent",
		[PH_LIMIT] = "beyond a limit of ours",
	};
	return texts[status];
}
