/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layout, search, top functions and state: pure, without a page. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildModel, childrenOf, nodeName, sumTree } from '../../web/model.js';
import { boxAt, layoutTree, MIN_WIDTH } from '../../web/layout.js';
import { exactSearch, findMatches, makeMatcher, matchFrames } from '../../web/search.js';
import { sortFunctions, topFunctions } from '../../web/top.js';
import { EMPTY_STATE, findZoom, formatHash, formatZoom, parseHash } from '../../web/state.js';
import { percentText, valueText, visibleText } from '../../web/text.js';
import { HOSTILE_NAMES, makePprof, randomSamples } from './make-profile.mjs';

function modelOf(stacks) {
	const model = buildModel(makePprof(stacks.map(([stack, n]) => ({ stack: stack.split(';').slice(1), values: [n, n * 10], comm: stack.split(';')[0] }))));
	return { model, sums: sumTree(model, 0) };
}

function nodeAt(model, path) {
	return path.split(';').reduce((node, name) => childrenOf(model.tree, node).find((child) => nodeName(model, child) === name), 0);
}

const small = () => modelOf([['app;main;hot', 70], ['app;main;warm;hot', 20], ['app;main;cold', 10], ['other;main;hot', 100]]);

test('boxes of a level lie side by side within their parents', () => {
	const model = buildModel(makePprof(randomSamples(2000, 30, 300)));
	const { total } = sumTree(model, 0);
	const layout = layoutTree(model.tree, total, 0, 1000);
	const boxOf = new Map(layout.nodes.map((node, box) => [node, box]));
	for (let level = 1; level < layout.depth; level++) {
		let right = 0;
		for (let box = layout.levels[level]; box < layout.levels[level + 1]; box++) {
			const parent = boxOf.get(model.tree.parent[layout.nodes[box]]);
			assert.ok(layout.lefts[box] >= right - 1e-6 && layout.lefts[box] >= layout.lefts[parent] - 1e-6);
			right = layout.lefts[box] + layout.widths[box];
			assert.ok(right <= layout.lefts[parent] + layout.widths[parent] + 1e-6);
			assert.ok(layout.widths[box] >= MIN_WIDTH);
		}
	}
	assert.ok(layout.depth > 20);
});

test('widths are shares of the zoomed node, its ancestors are as wide as all', () => {
	const { model, sums } = small();
	const main = nodeAt(model, 'app;main');
	const layout = layoutTree(model.tree, sums.total, main, 1000);
	const width = (path) => layout.widths[layout.nodes.indexOf(nodeAt(model, path))];
	assert.equal(width('app'), 1000);
	assert.equal(width('app;main'), 1000);
	assert.equal(width('app;main;hot'), 700);
	assert.equal(width('app;main;warm'), 200);
	assert.equal(width('other'), undefined);
	assert.equal(layout.zoomLevel, 2);
});

test('what is too thin to be drawn is reached by zooming', () => {
	const { model, sums } = modelOf([['a;main;big', 1000000], ['a;main;tiny;leaf', 1]]);
	const tiny = nodeAt(model, 'a;main;tiny');
	assert.ok(!layoutTree(model.tree, sums.total, 0, 1000).nodes.includes(tiny));
	assert.ok(layoutTree(model.tree, sums.total, tiny, 1000).nodes.includes(nodeAt(model, 'a;main;tiny;leaf')));
});

test('an empty profile is one box', () => {
	const { model, sums } = modelOf([]);
	const layout = layoutTree(model.tree, sums.total, 0, 1000);
	assert.deepEqual([layout.nodes, layout.depth], [[0], 1]);
});

test('the box under a point is found, and none beside', () => {
	const { model, sums } = small();
	const layout = layoutTree(model.tree, sums.total, 0, 1000);
	assert.equal(nodeName(model, layout.nodes[boxAt(layout, 1, 10)]), 'app');
	assert.equal(nodeName(model, layout.nodes[boxAt(layout, 1, 999)]), 'other');
	assert.equal(boxAt(layout, 1, 1000), -1);
	assert.equal(boxAt(layout, -1, 10), -1);
	assert.equal(boxAt(layout, layout.depth, 10), -1);
	assert.equal(boxAt(layout, 3, 490), layout.nodes.indexOf(nodeAt(model, 'app;main;warm')));
	assert.equal(boxAt(layout, 4, 10), -1);
});

function search(text, within) {
	const { model, sums } = small();
	return findMatches(model.tree, sums.total, matchFrames(model.frames, makeMatcher(text)), within ? nodeAt(model, within) : 0).sum;
}

test('search counts each path once', () => {
	assert.equal(search('hot'), 190);
	assert.equal(search('/hot|main/'), 200);
	assert.equal(search('MAIN'), 200);
	assert.equal(search('nothing'), 0);
});

test('search within a zoom counts what lies in it, also under a match above', () => {
	assert.equal(search('hot', 'app'), 90);
	assert.equal(search('main', 'app;main;warm'), 20);
	assert.equal(search('other', 'app'), 0);
});

test('matches come largest first', () => {
	const { model, sums } = small();
	const { nodes } = findMatches(model.tree, sums.total, matchFrames(model.frames, makeMatcher('hot')), 0);
	assert.deepEqual(nodes.map((node) => sums.total[node]), [100, 70, 20]);
});

test('slashes make a regular expression, a bad one throws', () => {
	assert.ok(makeMatcher('/^a.c$/')('abc'));
	assert.ok(!makeMatcher('/^A.c$/')('abc'));
	assert.ok(makeMatcher('/^A.c$/i')('abc'));
	assert.ok(makeMatcher('a.c')('a.c') && !makeMatcher('a.c')('abc'));
	assert.throws(() => makeMatcher('/(/'), SyntaxError);
	assert.equal(makeMatcher(''), null);
});

test('the exact search of any name finds that name alone', () => {
	for (const name of [...HOSTILE_NAMES, 'operator()', 'a/b', 'std::map<int, x[3]>::operator[]', 'f-g{}^$|\\']) {
		const matcher = makeMatcher(exactSearch(name));
		assert.deepEqual([name, `${name}x`, `x${name}`].map(matcher), [true, false, false], name);
	}
});

test('recursion counts once in a function\'s total', () => {
	const { model, sums } = modelOf([['app;main;f;g;f', 5], ['app;main;f', 2], ['app;main;g', 1]]);
	const rows = sortFunctions(topFunctions(model, sums, 0), 'total', model.frames);
	assert.deepEqual(rows.map(({ frame, self, total }) => [model.frames.names[frame], self, total]), [['main', 0, 8], ['f', 7, 7], ['g', 1, 6]]);
});

test('the functions of a zoom are those under it', () => {
	const { model, sums } = small();
	const rows = sortFunctions(topFunctions(model, sums, nodeAt(model, 'app;main;warm')), 'self', model.frames);
	assert.deepEqual(rows.map(({ frame, self, total }) => [model.frames.names[frame], self, total]), [['hot', 20, 20], ['warm', 0, 20]]);
});

test('state survives the address', () => {
	const state = { profile: 'a b&c=#.pb.gz', zoom: 'AbC-_123', search: '/a+b|"<c>/', type: 'cpu', table: 'total', inverted: true };
	assert.deepEqual(parseHash(formatHash(state)), { state, token: null });
	assert.deepEqual(parseHash(''), { state: { ...EMPTY_STATE }, token: null });
});

test('the token is read and never written', () => {
	assert.equal(parseHash('#token=0123abcd').token, '0123abcd');
	assert.ok(!formatHash(parseHash('#token=0123abcd&q=x').state).includes('0123abcd'));
});

test('nonsense in the address is no state', () => {
	assert.deepEqual(parseHash('#z=%3Cimg%3E&t=evil&i=7&zz').state, { ...EMPTY_STATE });
});

test('a zoom is found again, also in a profile that has grown', () => {
	const { model } = small();
	for (let node = 0; node < model.tree.size; node++)
		assert.equal(findZoom(model, formatZoom(model, node)), node);
	const zoom = formatZoom(model, nodeAt(model, 'app;main;warm'));
	const grown = modelOf([['aaa;start', 1], ['app;main;zzz', 1], ['app;main;warm;hot', 2]]).model;
	assert.equal(findZoom(grown, zoom), nodeAt(grown, 'app;main;warm'));
	const shrunk = modelOf([['app;main;hot', 1]]).model;
	assert.equal(findZoom(shrunk, zoom), nodeAt(shrunk, 'app;main'));
});

test('what cannot be seen is written out', () => {
	assert.equal(visibleText('a\x1b[31m\n\u202eb\u200b\x7f'), 'a\\x1b[31m\\x0a\\u202eb\\u200b\\x7f');
	assert.equal(visibleText('<b> \u65e5\u672c'), '<b> \u65e5\u672c');
});

test('values carry their units', () => {
	assert.equal(valueText(1234, { type: 'samples', unit: 'count' }), '1,234 samples');
	assert.equal(valueText(12340000000, { type: 'cpu', unit: 'nanoseconds' }), '12.3 s');
	assert.equal(valueText(0, { type: 'cpu', unit: 'nanoseconds' }), '0.00 ns');
	assert.equal(percentText(1, 3), '33.3 %');
	assert.equal(percentText(1, 0), '0 %');
});
