/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The profile as a call tree. A frame is a (name, module) pair under a small number; a node is a
 * frame under a parent node. Node 0 is the root ("all"), its children are the processes by name
 * (label comm), then the stacks. A parent's number is always smaller than its children's, so sums
 * and marks over the whole tree are one loop and need no recursion.
 */
import { readPprof } from './pprof.js';

export const KIND = { ROOT: 0, PROCESS: 1, USER: 2, KERNEL: 3, UNNAMED: 4 };

const USER_AREAS = /^\[(vdso|vsyscall|heap|stack|anon|jit|uprobes|unknown|unmapped)/;

/* What stands where a name could not be found. */
const UNNAMED = /\+0x[0-9a-f]+$|^\[(unknown|unmapped|kernel)\]$/;

export function isKernelModule(file) {
	return file.startsWith('[') && !USER_AREAS.test(file);
}

/* FNV-1a over UTF-16 units, finished so that all 32 bits are good: the same name has the same
 * colour in every profile. */
export function hashText(text, hash = 0x811c9dc5) {
	for (let i = 0; i < text.length; i++)
		hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
	hash = Math.imul(hash ^ hash >>> 15, 0x2c1b3c6d);
	return (hash ^ hash >>> 13) >>> 0;
}

class Frames {
	names = [];
	modules = [];
	kinds = [];
	index = new Map(); // name -> frame, or module -> frame where a name has several

	add(name, module, kind) {
		let byModule = this.index.get(name);
		if (byModule === undefined)
			this.index.set(name, byModule = new Map());
		let frame = byModule.get(module);
		if (frame === undefined) {
			frame = this.names.length;
			byModule.set(module, frame);
			this.names.push(name);
			this.modules.push(module);
			this.kinds.push(kind);
		}
		return frame;
	}

	/* Positions of frames in the order of their names: siblings are drawn in it. */
	ranks() {
		const order = Array.from(this.names.keys());
		const { names, modules } = this;
		order.sort((a, b) => names[a] < names[b] ? -1 : names[a] > names[b] ? 1 :
			modules[a] < modules[b] ? -1 : 1);
		const ranks = new Int32Array(order.length);
		order.forEach((frame, rank) => { ranks[frame] = rank; });
		return ranks;
	}
}

function baseName(path) {
	return path.slice(path.lastIndexOf('/') + 1);
}

/* The frames of every location, outermost caller first. */
class LocationFrames {
	starts = [0];
	frames = [];
	inlined = []; // 1 where the compiler put the function into the one before it

	constructor(tables, frames) {
		const count = tables.locations.mappings.length;
		for (let location = 0; location < count; location++) {
			this.expand(tables, location, frames);
			this.starts.push(this.frames.length);
		}
	}

	expand(tables, location, frames) {
		const { locations, mappings, functions, lineFunctions, strings } = tables;
		const mapping = mappings.ids.find(locations.mappings[location]);
		const module = mapping < 0 ? '' : strings.get(mappings.files[mapping]);
		const kind = isKernelModule(module) ? KIND.KERNEL : KIND.USER;
		const first = locations.lineStarts[location];
		const last = locations.lineStarts[location + 1] - 1;

		if (last < first) {
			const name = `${baseName(module) || '[unknown]'}+0x${tables.address(location)}`;
			this.push(frames.add(name, module, KIND.UNNAMED), 0);
		}
		for (let line = last; line >= first; line--) {
			const fn = functions.ids.find(lineFunctions[line]);
			if (fn < 0)
				throw new Error(`no function has the id ${lineFunctions[line]}`);
			const name = strings.get(functions.names[fn]) || '[unknown]';
			const isNamed = !UNNAMED.test(name);
			this.push(frames.add(name, module, isNamed ? kind : KIND.UNNAMED),
				line === last ? 0 : 1);
		}
	}

	push(frame, inlined) {
		this.frames.push(frame);
		this.inlined.push(inlined);
	}
}

/* Nodes while the tree grows; children are found by a hash of (parent, frame). */
class TreeBuilder {
	size = 1;

	constructor() {
		this.parent = new Int32Array(1024);
		this.frame = new Int32Array(1024);
		this.inlined = new Uint8Array(1024);
		this.slots = new Int32Array(2048); // node numbers; 0 = free, as the root is nobody's child
		this.parent[0] = -1;
		this.frame[0] = -1;
	}

	slot(parent, frame) {
		const mask = this.slots.length - 1;
		let at = (Math.imul(parent, 0x9e3779b1) ^ Math.imul(frame, 0x85ebca6b));
		at = (at ^ at >>> 15) & mask;
		for (;; at = at + 1 & mask) {
			const node = this.slots[at];
			if (!node || this.parent[node] === parent && this.frame[node] === frame)
				return at;
		}
	}

	child(parent, frame, inlined) {
		const at = this.slot(parent, frame);
		let node = this.slots[at];
		if (!node) {
			node = this.size++;
			this.slots[at] = node;
			if (node === this.parent.length)
				this.grow();
			this.parent[node] = parent;
			this.frame[node] = frame;
		}
		this.inlined[node] |= inlined;
		if (this.size * 2 > this.slots.length)
			this.rehash();
		return node;
	}

	grow() {
		for (const name of ['parent', 'frame', 'inlined']) {
			const old = this[name];
			this[name] = new old.constructor(old.length * 2);
			this[name].set(old);
		}
	}

	rehash() {
		this.slots = new Int32Array(this.slots.length * 2);
		for (let node = 1; node < this.size; node++)
			this.slots[this.slot(this.parent[node], this.frame[node])] = node;
	}

	finish(ranks) {
		const { size } = this;
		const parent = this.parent.slice(0, size), frame = this.frame.slice(0, size);
		this.slots = null;
		return { size, parent, frame, inlined: this.inlined.slice(0, size),
			...childLists(parent, frame, ranks) };
	}
}

/* The children of node n are children[childStart[n] .. childStart[n + 1]), in the order of their
 * frames' ranks: one counting sort by rank, then each node goes to the end of its parent's list. */
function childLists(parent, frame, ranks) {
	const size = parent.length;
	const rankStart = new Int32Array(ranks.length + 1);
	const byRank = new Int32Array(size - 1), children = new Int32Array(size - 1);
	const childStart = new Int32Array(size + 1);

	for (let node = 1; node < size; node++) {
		rankStart[ranks[frame[node]] + 1]++;
		childStart[parent[node] + 1]++;
	}
	for (let rank = 0; rank < ranks.length; rank++)
		rankStart[rank + 1] += rankStart[rank];
	for (let node = 0; node < size; node++)
		childStart[node + 1] += childStart[node];
	for (let node = 1; node < size; node++)
		byRank[rankStart[ranks[frame[node]]]++] = node;
	const next = childStart.slice(0, size);
	for (const node of byRank)
		children[next[parent[node]]++] = node;
	return { childStart, children };
}

/* Adds every sample to a tree; gives the tree, the node where each sample ends, and its values. */
function buildTree(tables, frames, locations) {
	const builder = new TreeBuilder();
	const width = tables.types.length, count = tables.samples.length;
	const ends = new Int32Array(count), values = new Float64Array(count * width);
	/* The nodes of the stack before, by level from the root: sorted samples share long beginnings. */
	const lastLocations = [], lastNodes = [];
	let lastProcess = -2, processNode = 0, sample = 0, levels = 0;

	tables.eachSample('comm', (path, depth, sampleValues, comm) => {
		const process = comm === null ? -1 : frames.add(comm, '', KIND.PROCESS);
		if (process !== lastProcess) {
			processNode = process < 0 ? 0 : builder.child(0, process, 0);
			lastProcess = process;
			levels = 0;
		}
		let level = 0;
		while (level < levels && level < depth &&
		       lastLocations[level] === path[depth - 1 - level])
			level++;
		let node = level ? lastNodes[level - 1] : processNode;
		for (; level < depth; level++) {
			const location = path[depth - 1 - level];
			for (let i = locations.starts[location]; i < locations.starts[location + 1]; i++)
				node = builder.child(node, locations.frames[i], locations.inlined[i]);
			lastLocations[level] = location;
			lastNodes[level] = node;
		}
		levels = depth;
		ends[sample] = node;
		values.set(sampleValues, sample * width);
		sample++;
	});
	return { tree: builder.finish(frames.ranks()), ends, values };
}

/* bytes: an unpacked pprof. What every other module works on; nothing in it changes later. */
export function buildModel(bytes) {
	const tables = readPprof(bytes);
	const frames = new Frames();
	const locations = new LocationFrames(tables, frames);
	const { tree, ends, values } = buildTree(tables, frames, locations);
	const names = tables.types.map(({ type }) => type);
	const wanted = tables.numbers[14];
	const preferred = names.indexOf(wanted ? tables.strings.get(wanted) : 'cpu');

	return {
		frames, tree, ends, values, types: tables.types, comments: tables.comments,
		defaultType: preferred < 0 ? names.length - 1 : preferred,
		timeNs: tables.numbers[9], durationNs: tables.numbers[10], period: tables.numbers[12],
	};
}

/* What each node has by itself and with all below it, for one sample type. */
export function sumTree(model, type) {
	const { tree, ends, values, types } = model;
	const self = new Float64Array(tree.size), total = new Float64Array(tree.size);

	for (let sample = 0; sample < ends.length; sample++)
		self[ends[sample]] += values[sample * types.length + type];
	total.set(self);
	for (let node = tree.size - 1; node > 0; node--)
		total[tree.parent[node]] += total[node];
	return { self, total };
}

export function nodeName(model, node) {
	return node ? model.frames.names[model.tree.frame[node]] : 'all';
}

export function childrenOf(tree, node) {
	return tree.children.subarray(tree.childStart[node], tree.childStart[node + 1]);
}

/* From the root's child down to the node. */
export function pathTo(tree, node) {
	const path = [];
	for (; node > 0; node = tree.parent[node])
		path.push(node);
	return path.reverse();
}
