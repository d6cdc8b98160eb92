/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of a subtree with what each has by itself and in all; recursion counts once. */
import { KIND } from './model.js';

export function topFunctions(model, sums, within) {
	const { tree, frames } = model;
	const self = new Float64Array(frames.names.length), total = new Float64Array(self.length);
	const open = new Int32Array(self.length); // how often a frame stands on the path now
	const next = tree.childStart.slice();
	const path = [];

	const enter = (node) => {
		const frame = tree.frame[node];
		path.push(node);
		if (frame < 0)
			return;
		self[frame] += sums.self[node];
		if (!open[frame]++)
			total[frame] += sums.total[node];
	};
	enter(within);
	while (path.length) {
		const node = path.at(-1);
		if (next[node] < tree.childStart[node + 1]) {
			enter(tree.children[next[node]++]);
		} else {
			path.pop();
			if (node)
				open[tree.frame[node]]--;
		}
	}
	return Array.from(frames.names.keys())
		.filter((frame) => total[frame] > 0 && frames.kinds[frame] !== KIND.PROCESS)
		.map((frame) => ({ frame, self: self[frame], total: total[frame] }));
}

/* Sorted by "self" or "total", largest first, names decide between equals. */
export function sortFunctions(rows, key, frames) {
	const other = key === 'self' ? 'total' : 'self';
	return rows.sort((a, b) => b[key] - a[key] || b[other] - a[other] ||
		(frames.names[a.frame] < frames.names[b.frame] ? -1 : 1));
}
