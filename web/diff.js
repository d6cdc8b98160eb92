/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A comparison beside the profile: verdicts by function, which formats/diff_graph.c wrote into the page. The
 * profile then has three values: both sides, before and after.
 */

/* By verdict: the colours between which its strength chooses, light and dark. */
const GREY = [['#d9d9dc', '#d9d9dc'], ['#3a3b40', '#3a3b40']];
const MORE = [['#f3e3d3', '#f58b3c'], ['#4b4036', '#b35a14']];
const LESS = [['#d8e3f1', '#6fa5ef'], ['#36404d', '#2f62a8']];
const DIFF_COLOURS = {
	slower: MORE, new: MORE, faster: LESS, gone: LESS,
	moved: [['#cdbfe3', '#cdbfe3'], ['#57487a', '#57487a']],
	'no evidence': GREY, 'too few samples': [['#ececee', '#ececee'], ['#2c2d31', '#2c2d31']],
};

function mixColours(from, to, part) {
	const parts = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
	const [a, b] = [parts(from), parts(to)];
	return `rgb(${a.map((value, i) => Math.round(value + (b[i] - value) * part)).join(' ')})`;
}

class Comparison {
	constructor({ head, functions }) {
		this.head = head;
		this.functions = new Map(functions.map(([name, verdict, strength, lines]) => [name, { verdict, strength, lines }]));
	}

	/* What is known of a function: {verdict, strength, lines}, or undefined. */
	find(name) {
		return this.functions.get(name);
	}

	colour(name, isDark) {
		const { verdict, strength } = this.find(name) ?? { verdict: 'no evidence', strength: 0 };
		const [from, to] = (DIFF_COLOURS[verdict] ?? GREY)[isDark ? 1 : 0];
		return mixColours(from, to, strength);
	}

	/* "2 slower, 1 new"; strength 0 is a caller that passes on what its callees did. */
	summary() {
		const counts = new Map();
		for (const { verdict, strength } of this.functions.values()) {
			if (strength > 0)
				counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
		}
		return Array.from(counts, ([verdict, count]) => `${count} ${verdict}`).join(', ');
	}
}

/* The comparison in this page, or null. */
export function openComparison() {
	const element = document.getElementById('diff');
	return element && new Comparison(JSON.parse(element.textContent));
}
