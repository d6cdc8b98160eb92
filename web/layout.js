/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tree + zoomed node + width -> boxes, level by level, each level from left to right. The ancestors of
 * the zoomed node come first and are as wide as all. A box narrower than MIN_WIDTH is left out with
 * all below it, and nothing takes its place: zooming in lays out anew, so every stack can be
 * reached.
 */
import { pathTo } from './model.js';

export const MIN_WIDTH = 0.4; // CSS pixels

/* Gives nodes, lefts and widths by box; level l is the boxes [levels[l], levels[l + 1]). */
export function layoutTree(tree, total, zoom, width) {
	const nodes = [], lefts = [], widths = [], levels = [];
	const addBox = (node, left, boxWidth) => {
		nodes.push(node);
		lefts.push(left);
		widths.push(boxWidth);
	};

	const above = zoom ? [0, ...pathTo(tree, zoom)] : [0];
	for (const node of above) {
		levels.push(nodes.length);
		addBox(node, 0, width);
	}
	const scale = total[zoom] > 0 ? width / total[zoom] : 0;
	for (let at = nodes.length - 1; at < nodes.length;) {
		const end = nodes.length;
		levels.push(end);
		for (; at < end; at++)
			addChildren(tree, total, nodes[at], lefts[at], scale, addBox);
	}
	return { nodes, lefts, widths, levels, depth: levels.length - 1, zoomLevel: above.length - 1 };
}

function addChildren(tree, total, node, left, scale, addBox) {
	for (let i = tree.childStart[node]; i < tree.childStart[node + 1]; i++) {
		const child = tree.children[i];
		const width = total[child] * scale;
		if (width >= MIN_WIDTH)
			addBox(child, left, width);
		if (width > 0)
			left += width;
	}
}

/* The box at level and x, or -1. */
export function boxAt(layout, level, x) {
	if (level < 0 || level >= layout.depth)
		return -1;
	let low = layout.levels[level], high = layout.levels[level + 1] - 1;
	while (low <= high) {
		const middle = low + high >> 1;
		if (x < layout.lefts[middle])
			high = middle - 1;
		else if (x >= layout.lefts[middle] + layout.widths[middle])
			low = middle + 1;
		else
			return middle;
	}
	return -1;
}
