/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boxes to a canvas that is as large as the window shows, never as tall as the stacks. */
import { hashText, KIND, nodeName } from './model.js';
import { visibleText } from './text.js';

export const ROW = 18; // CSS pixels of a level
const FONT = '11.5px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
const SHADES = 32;

/* By family: [hue from, hue to, saturation, lightness from, lightness to], light and dark. */
const LIGHT_FAMILIES = {
	[KIND.ROOT]: [220, 220, 8, 88, 88],
	[KIND.PROCESS]: [150, 172, 26, 76, 83],
	[KIND.USER]: [16, 48, 76, 71, 81],
	[KIND.KERNEL]: [198, 226, 54, 75, 84],
	[KIND.UNNAMED]: [30, 60, 8, 80, 86],
};
const DARK_FAMILIES = {
	[KIND.ROOT]: [220, 220, 8, 24, 24],
	[KIND.PROCESS]: [150, 172, 24, 27, 33],
	[KIND.USER]: [12, 42, 44, 31, 40],
	[KIND.KERNEL]: [204, 226, 36, 32, 41],
	[KIND.UNNAMED]: [30, 60, 6, 27, 32],
};

function makePalette(families) {
	const palette = [];
	for (const [kind, [hue, hueEnd, saturation, light, lightEnd]] of Object.entries(families)) {
		palette[kind] = Array.from({ length: SHADES * SHADES }, (_, i) => {
			const a = i % SHADES / (SHADES - 1), b = Math.floor(i / SHADES) / (SHADES - 1);
			return `hsl(${hue + (hueEnd - hue) * a} ${saturation}% ${light + (lightEnd - light) * b}%)`;
		});
	}
	return palette;
}

export const THEMES = {
	light: { palette: makePalette(LIGHT_FAMILIES), back: '#ffffff', text: '#1d1d1f', faint: '#6e6e73',
		match: '#d884f0', outline: '#1d1d1f', isDark: false },
	dark: { palette: makePalette(DARK_FAMILIES), back: '#17181b', text: '#ececee', faint: '#9a9aa2',
		match: '#9a3fb8', outline: '#ffffff', isDark: true },
};

/* comparison: of web/diff.js, or null: then colours are those of names. */
export function frameColour(frames, frame, theme, comparison) {
	if (frame < 0)
		return theme.palette[KIND.ROOT][0];
	if (comparison && frames.kinds[frame] !== KIND.PROCESS)
		return comparison.colour(frames.names[frame], theme.isDark);
	return theme.palette[frames.kinds[frame]][hashText(frames.names[frame]) % (SHADES * SHADES)];
}

/* The text that fits into width, or ''. */
function fitText(text, width, charWidth) {
	const fits = Math.floor((width - 6) / charWidth);
	if (text.length <= fits)
		return text;
	return fits < 3 ? '' : `${text.slice(0, fits - 1)}\u2026`;
}

class Painter {
	constructor(canvas) {
		this.canvas = canvas;
		this.context = canvas.getContext('2d', { alpha: false });
		this.labels = []; // by frame: what is written into its boxes
		this.colours = [];
	}

	/* For another profile or theme: what is kept by frame is no longer true. */
	forget() {
		this.labels = [];
		this.colours = [];
	}

	resize(width, height, ratio) {
		const { canvas } = this;
		const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
		if (canvas.width !== pixels[0] || canvas.height !== pixels[1])
			[canvas.width, canvas.height] = pixels;
		this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
		this.context.font = FONT;
		this.context.textBaseline = 'middle';
		this.charWidth = this.context.measureText('0').width;
	}

	/* scene: model, comparison (or null), layout, theme, matching (bytes by frame, or null),
	 * marked (a node, or -1), width, height, top(level) = y of a level in CSS pixels. */
	draw(scene) {
		const { context } = this;
		const { layout, theme, width, height } = scene;
		context.fillStyle = theme.back;
		context.fillRect(0, 0, width, height);
		for (let level = 0; level < layout.depth; level++) {
			const y = scene.top(level);
			if (y > -ROW && y < height)
				this.drawLevel(scene, level, y);
		}
		context.globalAlpha = 1;
	}

	drawLevel(scene, level, y) {
		const { layout } = scene;
		for (let box = layout.levels[level]; box < layout.levels[level + 1]; box++)
			this.drawBox(scene, box, level < layout.zoomLevel, y);
	}

	drawBox({ model, comparison, layout, theme, matching, marked }, box, isAbove, y) {
		const { context } = this;
		const node = layout.nodes[box], frame = model.tree.frame[node];
		const left = layout.lefts[box], width = layout.widths[box];
		const isMatch = matching && frame >= 0 && matching[frame];
		const gap = width > 3 ? 0.5 : 0;

		context.globalAlpha = isAbove ? 0.55 : matching && !isMatch ? 0.5 : 1;
		context.fillStyle = isMatch ? theme.match : this.colour(model, frame, theme, comparison);
		context.fillRect(left, y, width - gap, ROW - 1);
		if (width > 24)
			this.drawText(theme, this.label(model, node), left, width, y);
		if (node === marked) {
			context.globalAlpha = 1;
			context.strokeStyle = theme.outline;
			context.strokeRect(left + 0.5, y + 0.5, Math.max(width - 1.5, 0.5), ROW - 2);
		}
	}

	drawText(theme, text, left, width, y) {
		const { context } = this;
		const fitting = fitText(text, width, this.charWidth);
		context.fillStyle = theme.text;
		if (/^[ -~\u2026]*$/.test(fitting)) {
			context.fillText(fitting, left + 3, y + ROW / 2);
			return;
		}
		/* Not of the one width that fitText() counts with. */
		context.save();
		context.beginPath();
		context.rect(left, y, width - 2, ROW);
		context.clip();
		context.fillText(fitting, left + 3, y + ROW / 2);
		context.restore();
	}

	label(model, node) {
		const frame = model.tree.frame[node];
		return frame < 0 ? 'all' : this.labels[frame] ??= visibleText(nodeName(model, node));
	}

	colour(model, frame, theme, comparison) {
		return frame < 0 ? frameColour(model.frames, frame, theme) :
			this.colours[frame] ??= frameColour(model.frames, frame, theme, comparison);
	}
}

export function makePainter(canvas) {
	return new Painter(canvas);
}
