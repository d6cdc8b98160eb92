/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one looks at, as the address's fragment: it survives reload and back, and a copied link shows the
 * same picture. Fragments are never sent to a server.
 *
 *   p  name of the profile, where the server lists several
 *   z  zoom: four characters a level, a hash of each frame on the path; so it holds no foreign text
 *      and still fits when a live profile grows
 *   q  search    v  sample type    t=self|total  table shown    i=1  root at the bottom
 */
import { childrenOf, hashText, pathTo } from './model.js';

const ZOOM_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export const EMPTY_STATE = Object.freeze({ profile: '', zoom: '', search: '', type: '', table: '', inverted: false });

/* hash: location.hash. Gives the state and the token, which does not belong to the state. */
export function parseHash(hash) {
	const given = new URLSearchParams(hash.replace(/^#/, ''));
	const table = given.get('t');
	return {
		state: {
			profile: given.get('p') ?? '',
			zoom: /^([\w-]{4})*$/.test(given.get('z') ?? '') ? given.get('z') ?? '' : '',
			search: given.get('q') ?? '',
			type: given.get('v') ?? '',
			table: table === 'self' || table === 'total' ? table : '',
			inverted: given.get('i') === '1',
		},
		token: given.get('token'),
	};
}

export function formatHash(state) {
	const out = new URLSearchParams();
	const put = (key, value) => value && out.set(key, value);
	put('p', state.profile);
	put('z', state.zoom);
	put('q', state.search);
	put('v', state.type);
	put('t', state.table);
	put('i', state.inverted && '1');
	return `#${out}`;
}

function zoomPiece(model, node) {
	const frame = model.tree.frame[node];
	let hash = hashText(model.frames.modules[frame], hashText(model.frames.names[frame]));
	let piece = '';
	for (let i = 0; i < 4; i++, hash >>>= 6)
		piece += ZOOM_ALPHABET[hash & 63];
	return piece;
}

export function formatZoom(model, node) {
	return pathTo(model.tree, node).map((on) => zoomPiece(model, on)).join('');
}

/* The node of a zoom, or the deepest of its ancestors that this profile has. */
export function findZoom(model, zoom) {
	let node = 0;
	for (let at = 0; at < zoom.length; at += 4) {
		const piece = zoom.slice(at, at + 4);
		const child = childrenOf(model.tree, node).find((one) => zoomPiece(model, one) === piece);
		if (child === undefined)
			break;
		node = child;
	}
	return node;
}
