/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profiler/assets.h"

#include "base/cleanup.h"

#include <string.h>

/* WEB_DIR comes from CMake, which also knows that this file depends on those of web/. */
#define MODULE(name, file) ASSET(name, file, "/" file, "text/javascript; charset=utf-8")
#define ASSET(name, file, path, type)                                                              \
	extern const char asset_##name[] __attribute__((visibility("hidden")));                    \
	__asm__(".pushsection .rodata.assets, \"a\"\n"                                             \
		"asset_" #name ":\n"                                                               \
		".incbin \"" WEB_DIR "/" file "\"\n"                                               \
		".byte 0\n"                                                                        \
		".popsection\n");
#include "profiler/assets.def"
#undef ASSET

static const struct asset assets[] = {
#define ASSET(name, file, path, type) {path, type, asset_##name},
#include "profiler/assets.def"
#undef ASSET
};
#undef MODULE

static const char *const scripts[] = {
#define ASSET(name, file, path, type)
#define MODULE(name, file) asset_##name,
#include "profiler/assets.def"
#undef ASSET
#undef MODULE
};

const struct asset *assets_find(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(assets); i++) {
		if (!strcmp(assets[i].path, path))
			return &assets[i];
	}
	return NULL;
}

const struct html_viewer *assets_viewer(void)
{
	static const struct html_viewer viewer = {
		.page = asset_page,
		.style = asset_style,
		.scripts = scripts,
		.script_count = ARRAY_SIZE(scripts),
		.svg_script = asset_svg,
	};

	return &viewer;
}
