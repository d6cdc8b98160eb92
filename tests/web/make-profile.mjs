/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes pprof by hand, independent of the program's encoder: a test's own oracle.
 *
 *   node make-profile.mjs OUT.pb.gz [stacks=1000] [depth=40] [functions=2000] [kind=random|hostile|empty|deep] [counts=0]
 *
 * counts: another number gives the same stacks other counts.
 */
import { gzipSync } from 'node:zlib';
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

function varint(value) {
	const out = [];
	let left = BigInt.asUintN(64, BigInt(value));
	for (; left > 0x7fn; left >>= 7n)
		out.push(Number(left & 0x7fn) | 0x80);
	out.push(Number(left));
	return out;
}

const number = (field, value) => [...varint(field << 3), ...varint(value)];
const block = (field, bytes) => Buffer.concat([Buffer.from([...varint(field << 3 | 2), ...varint(bytes.length)]), Buffer.from(bytes)]);
const packed = (field, values) => block(field, values.flatMap((value) => varint(value)));

/*
 * samples: [{stack: [frame, ..] root first, values: [..], comm}]; a frame is "name", or {lines: ["outer",
 * "inlined", ..], module, address}; "[k] name" stands for a kernel function.
 */
export function makePprof(samples, { types = [['samples', 'count'], ['cpu', 'nanoseconds']], comments = [],
	defaultType = 'cpu', timeNs = 0, durationNs = 0, firstId = 1 } = {}) {
	const strings = new Map([['', 0]]), functions = new Map(), mappings = new Map(), locations = new Map();
	const out = { functions: [], mappings: [], locations: [], samples: [] };
	const string = (text) => strings.get(text) ?? (strings.set(text, strings.size), strings.size - 1);
	const once = (map, key, make) => {
		if (!map.has(key)) {
			map.set(key, map.size + firstId);
			make(map.get(key));
		}
		return map.get(key);
	};
	const fn = (name) => once(functions, name, (id) =>
		out.functions.push(block(5, [...number(1, id), ...number(2, string(name))])));
	const mapping = (file) => once(mappings, file, (id) =>
		out.mappings.push(block(3, [...number(1, id), ...number(5, string(file))])));
	const location = (frame) => once(locations, frame.key ?? JSON.stringify(frame), (id) => {
		const given = typeof frame !== 'string' ? frame : frame.startsWith('[k] ') ?
			{ lines: [frame.slice(4)], module: '[kernel.kallsyms]' } :
			{ lines: [frame], module: '/usr/bin/example' };
		const lines = [...given.lines].reverse().map((name) => block(4, number(1, fn(name))));
		out.locations.push(block(4, Buffer.concat([Buffer.from([...number(1, id),
			...(given.module ? number(2, mapping(given.module)) : []),
			...number(3, given.address ?? 0x1000 + id)]), ...lines])));
	});
	for (const { stack, values, comm } of samples) {
		const label = comm === undefined ? Buffer.alloc(0) :
			block(3, [...number(1, string('comm')), ...number(2, string(comm))]);
		out.samples.push(block(2, Buffer.concat([
			packed(1, stack.map(location).reverse()), packed(2, values), label])));
	}
	const head = types.map(([type, unit]) => block(1, [...number(1, string(type)), ...number(2, string(unit))]));
	const tail = Buffer.from([...number(9, timeNs), ...number(10, durationNs), ...number(12, 10101010),
		...comments.flatMap((text) => number(13, string(text))),
		...(defaultType ? number(14, string(defaultType)) : [])]);
	return Buffer.concat([...head, ...out.samples, ...out.mappings, ...out.locations, ...out.functions,
		...[...strings.keys()].map((text) => block(6, Buffer.from(text))), tail]);
}

/* A small generator with a fixed seed (xorshift): the same arguments give the same file. */
function makeRandom(seed = 1) {
	let state = seed;
	return () => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) / 2 ** 32;
	};
}

const PROGRAMS = ['postgres', 'nginx', 'node', 'kworker/0:1', 'cc1plus', 'python3', 'sshd', 'wick'];
const WORDS = ['parse', 'read', 'hash', 'node', 'page', 'lock', 'send', 'copy', 'tree', 'index', 'json', 'walk'];

/* Stacks as a walk through a call tree: few ways near the root, many at the leaves. */
export function randomSamples(stacks, depth, functionCount, countsSeed = 0) {
	const random = makeRandom(7), samples = [];
	const randomCount = countsSeed ? makeRandom(countsSeed) : random;
	const names = Array.from({ length: functionCount }, (_, i) => {
		const word = () => WORDS[Math.floor(random() * WORDS.length)];
		return i % 5 === 4 ? `[k] ${word()}_${word()}_${i}` : i % 7 === 6 ? `std::vector<${word()}::${word()}_${i}, std::allocator<int>>::push_back` :
			i % 31 === 30 ? `libexample.so.1+0x${(i * 4096).toString(16)}` : `${word()}_${word()}_${i}`;
	});
	const kernel = names.filter((name) => name.startsWith('[k] ')), user = names.filter((name) => !name.startsWith('[k] '));
	const pick = (list, above, spread) => (above * 31 + (random() < 0.97 ? 0 : Math.floor(random() * spread)) * 17) % list.length;
	for (let i = 0; i < stacks; i++) {
		const length = Math.floor(depth * (0.5 + random()));
		const program = Math.floor(random() ** 2 * PROGRAMS.length);
		const kernelFrom = random() < 0.3 ? length - Math.floor(random() * 10) : length;
		const stack = ['_start', 'main'];
		let above = program;
		for (let level = 0; level < length; level++) {
			const list = level < kernelFrom ? user : kernel;
			const chosen = pick(list, above, level < 6 ? 3 : 6);
			above = chosen + 1;
			stack.push(list[chosen]);
		}
		const count = Math.ceil(1 / (randomCount() + 0.01));
		samples.push({ stack, values: [count, count * 10101010], comm: PROGRAMS[program] });
	}
	return samples;
}

export const HOSTILE_NAMES = ['<img src=x onerror="window.hacked=1">', '</script><script>window.hacked=2</script>',
	'javascript:window.hacked=3', '"quoted" \'name\' & ampersand', 'esc \x1b[31mred\x1b[0m', 'bidi \u202egnp.exe\u202c end',
	'new\nline\ttab', '<!--<script>', '{{7*7}}${7*7}', '\u65e5\u672c\u8a9e\u306e\u95a2\u6570\u540d', 'a;b c 12', '__proto__', 'constructor'];

export function hostileSamples() {
	return HOSTILE_NAMES.map((name, i) => ({ stack: ['main', name, ...(i % 2 ? [`[k] ${name}`] : [])],
		values: [10 + i, (10 + i) * 10101010], comm: name }));
}

export function deepSamples(depth) {
	return [3, 2].map((count, i) => ({ stack: Array.from({ length: depth - i }, (_, level) => `level_${level}`),
		values: [count, count * 10101010], comm: 'deep' }));
}

function main([out, ...rest]) {
	const options = { stacks: 1000, depth: 40, functions: 2000, kind: 'random', counts: 0, ...Object.fromEntries(rest.map((one) => one.split('='))) };
	const samples = options.kind === 'hostile' ? hostileSamples() : options.kind === 'empty' ? [] :
		options.kind === 'deep' ? deepSamples(Number(options.depth)) :
		randomSamples(Number(options.stacks), Number(options.depth), Number(options.functions), Number(options.counts));
	const taken = samples.reduce((sum, { values }) => sum + values[0], 0);
	const bytes = makePprof(samples, { timeNs: 1764079200000000000n, durationNs: 20000000000n, comments:
		['wick 0.1.0 record -a -F 99', `wick-ledger: taken=${taken} written=${taken} complete=${taken - Math.floor(taken / 7)} cut.fp_range=${Math.floor(taken / 7)} not_run=12`] });
	writeFileSync(out, out.endsWith('.gz') ? gzipSync(bytes) : bytes);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
	main(process.argv.slice(2));
