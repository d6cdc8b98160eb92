/* SPDX-License-Identifier: GPL-2.0-or-later */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { test } from 'node:test';
import { gunzip } from '../../web/pprof.js';
import { buildModel, childrenOf, isKernelModule, KIND, nodeName, pathTo, sumTree } from '../../web/model.js';
import { ledgerAddsUp, ledgerInWords, parseLedger } from '../../web/ledger.js';
import { deepSamples, HOSTILE_NAMES, hostileSamples, makePprof, randomSamples } from './make-profile.mjs';

const tens = (n) => [n, n * 10];

/* The tree as folded lines: an own walk, against which the builder's is held. */
function folded(model, type = 0) {
	const { self } = sumTree(model, type);
	const lines = [];
	for (let node = 1; node < model.tree.size; node++) {
		if (self[node])
			lines.push(`${pathTo(model.tree, node).map((on) => nodeName(model, on)).join(';')} ${self[node]}`);
	}
	return lines.sort();
}

function expectedFolded(samples) {
	const sums = new Map();
	for (const { stack, values, comm } of samples) {
		const key = [comm, ...stack.map((name) => name.replace(/^\[k\] /, ''))].join(';');
		sums.set(key, (sums.get(key) ?? 0) + values[0]);
	}
	return [...sums].map(([key, n]) => `${key} ${n}`).sort();
}

test('stacks, processes and sums are those of the file', () => {
	const samples = randomSamples(500, 30, 300);
	const model = buildModel(makePprof(samples));
	assert.deepEqual(folded(model), expectedFolded(samples));
	const { total } = sumTree(model, 0);
	assert.equal(total[0], samples.reduce((sum, { values }) => sum + values[0], 0));
	assert.equal(sumTree(model, 1).total[0], 10101010 * total[0]);
});

test('the order of samples does not matter', () => {
	const samples = randomSamples(300, 20, 100);
	assert.deepEqual(folded(buildModel(makePprof([...samples].reverse()))), folded(buildModel(makePprof(samples))));
});

test('inlined lines become levels, innermost last', () => {
	const frame = { lines: ['outer', 'middle', 'inner'], module: '/usr/bin/x' };
	const model = buildModel(makePprof([{ stack: ['main', frame], values: tens(3), comm: 'x' }]));
	assert.deepEqual(folded(model), ['x;main;outer;middle;inner 3']);
	const inlined = pathTo(model.tree, model.tree.size - 1).map((node) => model.tree.inlined[node]);
	assert.deepEqual(inlined, [0, 0, 0, 1, 1]);
});

test('a location without lines reads file+0xaddress', () => {
	const frames = [{ lines: [], module: '/usr/lib/libfoo.so.1', address: 0x1234 },
		{ lines: [], module: '', address: 0xffffffff81000010n, key: 'big' }];
	const model = buildModel(makePprof([{ stack: frames, values: tens(1), comm: 'x' }]));
	assert.deepEqual(folded(model), ['x;libfoo.so.1+0x1234;[unknown]+0xffffffff81000010 1']);
	assert.equal(model.frames.kinds[model.frames.names.indexOf('libfoo.so.1+0x1234')], KIND.UNNAMED);
});

test('samples without a process begin at the root', () => {
	const model = buildModel(makePprof([{ stack: ['main', 'f'], values: tens(2) }]));
	assert.deepEqual(folded(model), ['main;f 2']);
});

test('kernel modules stand in brackets, areas of a process do not count', () => {
	for (const file of ['[kernel.kallsyms]', '[nf_tables]'])
		assert.ok(isKernelModule(file), file);
	for (const file of ['/usr/bin/x', '[vdso]', '[heap]', '[anon:jit]', '[anon]', '[unmapped]', '', 'a.out'])
		assert.ok(!isKernelModule(file), file);
});

test('what has no name is told from what has one', () => {
	const names = ['main', '[unmapped]', '[unknown]', 'libx.so+0x12ab', 'operator+'];
	const model = buildModel(makePprof([{ stack: names, values: tens(1), comm: 'x' }]));
	assert.deepEqual(names.map((name) => model.frames.kinds[model.frames.names.indexOf(name)]),
		[KIND.USER, KIND.UNNAMED, KIND.UNNAMED, KIND.UNNAMED, KIND.USER]);
});

test('equal names in kernel and program are two frames', () => {
	const model = buildModel(makePprof([{ stack: ['read', '[k] read'], values: tens(1), comm: 'x' }]));
	assert.deepEqual(model.frames.kinds.slice(0, 2).sort(), [KIND.USER, KIND.KERNEL].sort());
});

test('siblings are in the order of their names', () => {
	const model = buildModel(makePprof(['c', 'a', 'b'].map((name) => ({ stack: ['main', name], values: tens(1), comm: 'x' }))));
	const main = childrenOf(model.tree, childrenOf(model.tree, 0)[0])[0];
	assert.deepEqual([...childrenOf(model.tree, main)].map((node) => nodeName(model, node)), ['a', 'b', 'c']);
});

test('ids need not be dense', () => {
	const samples = hostileSamples();
	assert.deepEqual(folded(buildModel(makePprof(samples, { firstId: 1000 }))), expectedFolded(samples));
});

test('hostile names stay what they are', () => {
	const model = buildModel(makePprof(hostileSamples()));
	for (const name of HOSTILE_NAMES)
		assert.ok(model.frames.names.includes(name), name);
});

test('a stack of 4096 locations is read, a deeper one refused', () => {
	assert.equal(buildModel(makePprof(deepSamples(4096))).tree.size, 4098);
	assert.throws(() => buildModel(makePprof(deepSamples(4097))), /deeper than 4096/);
});

test('an empty profile has only the root', () => {
	assert.equal(buildModel(makePprof([])).tree.size, 1);
});

test('every cut of a profile is refused with an error or read, never hangs or crashes', () => {
	const whole = makePprof(hostileSamples());
	let refused = 0;
	for (let length = 0; length < whole.length; length++) {
		try {
			buildModel(whole.subarray(0, length));
		} catch (error) {
			assert.equal(error.constructor, Error, error.stack);
			refused++;
		}
	}
	assert.ok(refused > whole.length / 2);
});

test('flipped bytes are refused with an error or read', () => {
	const whole = makePprof(hostileSamples());
	for (let at = 0; at < whole.length; at++) {
		const damaged = Uint8Array.from(whole);
		damaged[at] ^= 0x80 | at & 0x7f;
		try {
			buildModel(damaged);
		} catch (error) {
			assert.ok(error.constructor === Error, `${at}: ${error.stack}`);
		}
	}
});

test('gzip is unpacked, other bytes pass', async () => {
	const bytes = makePprof(hostileSamples());
	assert.deepEqual(Buffer.from(await gunzip(new Uint8Array(gzipSync(bytes)))), bytes);
	assert.equal(await gunzip(bytes), bytes);
});

test('the ledger is told in words', () => {
	const ledger = parseLedger(['a comment', 'wick-ledger: taken=5943 written=5940 dropped.ring_full=3 complete=5102 cut.fp_range=838 cut.depth=0 not_run=7']);
	assert.equal(ledgerInWords(ledger), '5,943 samples taken, 3 dropped: ring_full 3, 5,940 written, 5,102 complete, 838 cut: fp_range 838, about 7 ticks not run');
	assert.ok(ledgerAddsUp(ledger));
	assert.ok(!ledgerAddsUp({ ...ledger, taken: 5944 }));
	assert.equal(parseLedger(['something else']), null);
});

test('a ledger with foreign words in it does not confuse', () => {
	const ledger = parseLedger(['wick-ledger: taken=1 __proto__.x=3 written=1 cut.a=<img> dropped=5 complete=1']);
	assert.deepEqual(ledger.cut, []);
	assert.equal(ledger.taken, 1);
	assert.ok(ledgerAddsUp(ledger));
});
