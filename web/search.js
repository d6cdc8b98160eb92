/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Search: which frames match, how much of the profile lies under them, and where they are. */

/* "abc": names that contain it, in any case; "/abc/": a regular expression, "/abc/i" without case.
 * Gives name => boolean, null for no search. Throws a SyntaxError for a bad expression. */
export function makeMatcher(text) {
	if (!text)
		return null;
	const [, source, flags] = /^\/(.+)\/(i?)$/.exec(text) ?? [];
	if (source !== undefined) {
		const expression = new RegExp(source, flags + 'u');
		return (name) => expression.test(name);
	}
	const wanted = text.toLowerCase();
	return (name) => name.toLowerCase().includes(wanted);
}

/* The search for exactly this name. */
export function exactSearch(name) {
	return `/^${name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}$/`;
}

/* frames: one byte a frame, 1 = its name matches. */
export function matchFrames(frames, matcher) {
	return Uint8Array.from(frames.names, (name) => matcher(name) ? 1 : 0);
}

/*
 * The topmost matching nodes in and under `within`, largest first, and the sum of what they hold: a
 * path that matches twice counts once.
 */
export function findMatches(tree, total, matching, within) {
	const covered = new Uint8Array(tree.size); // 1: outside of within, 2: inside, 3: below a match
	const found = [];
	let sum = 0;

	for (let node = 0; node < tree.size; node++) {
		const above = node ? covered[tree.parent[node]] : 1;
		let state = node === within ? 2 : above;
		if (state === 2 && node && matching[tree.frame[node]]) {
			state = 3;
			sum += total[node];
			found.push(node);
		}
		covered[node] = state;
	}
	/* All of it may lie under a match above the zoomed node. */
	for (let node = within && tree.parent[within]; node > 0; node = tree.parent[node]) {
		if (matching[tree.frame[node]])
			return { nodes: [within], sum: total[within] };
	}
	found.sort((a, b) => total[b] - total[a]);
	return { nodes: found, sum };
}
