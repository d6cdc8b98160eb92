/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a pprof profile.proto in place: the bytes stay where they are, numbers go to arrays, strings
 * are only (start, end) until someone asks for the text. Field numbers are profile.proto's.
 */

const MAX_DEPTH = 4096; // locations of one sample, as the program's own reader

/* A cursor over protobuf; every read is checked against `end`. */
class Wire {
	constructor(bytes, pos = 0, end = bytes.length) {
		this.bytes = bytes;
		this.pos = pos;
		this.end = end;
	}

	/* Unsigned; exact up to 2^53, which holds for every id, length and string index. */
	varint() {
		let byte = this.byte();
		if (byte < 0x80)
			return byte;
		let value = byte & 0x7f, scale = 128;
		for (let count = 1; byte >= 0x80; count++) {
			if (count === 10)
				throw new Error(`a number is too long at byte ${this.pos}`);
			byte = this.byte();
			value += (byte & 0x7f) * scale;
			scale *= 128;
		}
		return value;
	}

	/* Signed 64 bits: exact within +-2^53. */
	int64() {
		const start = this.pos;
		const value = this.varint();
		if (value < 2 ** 53)
			return value;
		this.pos = start;
		return Number(BigInt.asIntN(64, this.bigint()));
	}

	bigint() {
		let value = 0n, byte;
		for (let shift = 0n; shift < 70n; shift += 7n) {
			byte = this.byte();
			value |= BigInt(byte & 0x7f) << shift;
			if (byte < 0x80)
				return BigInt.asUintN(64, value);
		}
		throw new Error(`a number is too long at byte ${this.pos}`);
	}

	byte() {
		if (this.pos >= this.end)
			throw new Error(`cut short after ${this.end} bytes`);
		return this.bytes[this.pos++];
	}

	/* The end of the length-delimited field that starts here. */
	fieldEnd() {
		const length = this.varint();
		if (length > this.end - this.pos)
			throw new Error(`cut short after ${this.end} bytes`);
		return this.pos + length;
	}

	skip(wireType) {
		const sizes = {1: 8, 5: 4};
		if (wireType === 0)
			this.varint();
		else if (wireType === 2)
			this.pos = this.fieldEnd();
		else if (wireType in sizes && sizes[wireType] <= this.end - this.pos)
			this.pos += sizes[wireType];
		else
			throw new Error(`not a pprof profile (byte ${this.pos})`);
	}

	/* Calls visit(field, wireType, this) for each field up to end; what it leaves is skipped. */
	fields(end, visit) {
		const outer = this.end;
		this.end = end;
		while (this.pos < end) {
			const tag = this.varint();
			const before = this.pos;
			visit(tag >>> 3, tag & 7, this);
			if (this.pos === before)
				this.skip(tag & 7);
		}
		this.end = outer;
	}

	/* The message that starts here, as {field: number} of its varint fields. */
	message() {
		const found = {};
		this.fields(this.fieldEnd(), (field, wireType, wire) => {
			if (wireType === 0)
				found[field] = wire.int64();
		});
		return found;
	}

	/* A repeated number, packed or not. */
	numbers(wireType, push) {
		if (wireType === 0)
			return push(this.int64());
		if (wireType !== 2)
			return;
		const end = this.fieldEnd();
		while (this.pos < end)
			push(this.int64());
		if (this.pos !== end)
			throw new Error(`damaged at byte ${end}`);
	}
}

/* Ids of messages to positions; dense ones (1, 2, 3 ..) need no table. */
class Ids {
	count = 0;
	table = null;

	add(id) {
		if (!this.table && id !== this.count + 1) {
			this.table = new Map();
			for (let i = 0; i < this.count; i++)
				this.table.set(i + 1, i);
		}
		this.table?.set(id, this.count);
		this.count++;
	}

	/* The position, or -1. */
	find(id) {
		if (this.table)
			return this.table.get(id) ?? -1;
		return id >= 1 && id <= this.count ? id - 1 : -1;
	}
}

/* The strings of a profile: text is decoded when asked for, once. */
class Strings {
	starts = [];
	ends = [];
	texts = [];
	decoder = new TextDecoder();

	constructor(bytes) {
		this.bytes = bytes;
	}

	add(start, end) {
		this.starts.push(start);
		this.ends.push(end);
	}

	get(id) {
		if (!(id >= 0 && id < this.starts.length))
			throw new Error('string index out of range');
		return this.texts[id] ??=
			this.decoder.decode(this.bytes.subarray(this.starts[id], this.ends[id]));
	}

	find(text) {
		const wanted = new TextEncoder().encode(text);
		const { bytes, starts, ends } = this;
		for (let id = 0; id < starts.length; id++) {
			if (ends[id] - starts[id] === wanted.length &&
			    wanted.every((byte, i) => bytes[starts[id] + i] === byte))
				return id;
		}
		return -1;
	}
}

/* The tables of a profile; samples are kept as positions of their messages, see eachSample(). */
class Tables {
	types = []; // {type, unit}, both texts
	samples = [];
	mappings = { ids: new Ids(), files: [] };
	functions = { ids: new Ids(), names: [] };
	locations = { ids: new Ids(), mappings: [], addresses: [], lineStarts: [0] };
	lineFunctions = []; // function ids, innermost first, of all locations back to back
	commentIds = [];
	numbers = { 9: 0, 10: 0, 12: 0, 14: 0 };

	constructor(bytes) {
		this.wire = new Wire(bytes);
		this.strings = new Strings(bytes);
	}

	readLocation(wire) {
		const { ids, mappings, addresses, lineStarts } = this.locations;
		let id = 0, mapping = 0, address = -1;
		wire.fields(wire.fieldEnd(), (field, wireType) => {
			if (field === 1 && wireType === 0)
				id = wire.varint();
			else if (field === 2 && wireType === 0)
				mapping = wire.varint();
			else if (field === 3 && wireType === 0)
				address = wire.pos; // 64 bits: read when needed
			else if (field === 4 && wireType === 2)
				this.lineFunctions.push(wire.message()[1] ?? 0);
		});
		ids.add(id);
		mappings.push(mapping);
		addresses.push(address);
		lineStarts.push(this.lineFunctions.length);
	}

	readTop(field, wireType, wire) {
		if (field in this.numbers && wireType === 0) {
			this.numbers[field] = wire.int64();
		} else if (field === 13) {
			wire.numbers(wireType, (id) => this.commentIds.push(id));
		} else if (wireType !== 2) {
			return;
		} else if (field === 1) {
			this.types.push(wire.message());
		} else if (field === 2) {
			this.samples.push(wire.pos);
		} else if (field === 3) {
			const mapping = wire.message();
			this.mappings.ids.add(mapping[1] ?? 0);
			this.mappings.files.push(mapping[5] ?? 0);
		} else if (field === 4) {
			this.readLocation(wire);
		} else if (field === 5) {
			const fn = wire.message();
			this.functions.ids.add(fn[1] ?? 0);
			this.functions.names.push(fn[2] || fn[3] || 0);
		} else if (field === 6) {
			const end = wire.fieldEnd();
			this.strings.add(wire.pos, end);
			wire.pos = end;
		}
	}

	/* A location's address in hex. */
	address(location) {
		const at = this.locations.addresses[location];
		return at < 0 ? '0' : new Wire(this.wire.bytes, at).bigint().toString(16);
	}

	/* Calls visit(path, depth, values, labels): path holds locations' positions leaf first,
	 * labels is the text of `key` or null. The arrays are used again for the next sample. */
	eachSample(key, visit) {
		const { wire, locations, strings } = this;
		const keyId = strings.find(key);
		const path = new Int32Array(MAX_DEPTH), values = new Float64Array(this.types.length);
		let depth, filled, label;
		const pushLocation = (id) => {
			const position = locations.ids.find(id);
			if (position < 0)
				throw new Error(`no location has the id ${id}`);
			if (depth === MAX_DEPTH)
				throw new Error(`a stack is deeper than ${MAX_DEPTH}`);
			path[depth++] = position;
		};
		const pushValue = (value) => {
			values[filled++] = value;
		};
		const readField = (field, wireType) => {
			if (field === 1)
				wire.numbers(wireType, pushLocation);
			else if (field === 2)
				wire.numbers(wireType, pushValue);
			else if (field === 3 && wireType === 2 && keyId >= 0) {
				const found = wire.message();
				if (found[1] === keyId && found[2])
					label = found[2];
			}
		};
		for (const start of this.samples) {
			depth = filled = label = 0;
			wire.pos = start;
			wire.fields(wire.fieldEnd(), readField);
			if (filled !== values.length)
				throw new Error('a sample has a wrong number of values');
			visit(path, depth, values, label ? strings.get(label) : null);
		}
	}
}

/* bytes: an unpacked profile. Throws an Error whose message is fit for a person. */
export function readPprof(bytes) {
	const tables = new Tables(bytes);
	const { strings } = tables;

	tables.wire.fields(bytes.length, (field, wireType, wire) =>
		tables.readTop(field, wireType, wire));
	if (!tables.types.length)
		throw new Error('not a pprof profile: it has no sample types');
	tables.types = tables.types.map((found) =>
		({ type: strings.get(found[1] ?? 0), unit: strings.get(found[2] ?? 0) }));
	tables.comments = tables.commentIds.map((id) => strings.get(id));
	return tables;
}

/* Unpacks gzip with the browser's own code; other bytes pass as they are. */
export async function gunzip(bytes) {
	if (bytes[0] !== 0x1f || bytes[1] !== 0x8b)
		return bytes;
	const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
	return new Uint8Array(await new Response(stream).arrayBuffer());
}
