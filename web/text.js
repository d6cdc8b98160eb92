/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and numbers as a person reads them. */

/* Control characters, and those that turn the direction of text or hide in it. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/* The name with all that cannot be seen as \xNN or \uNNNN, so that no name looks like another. */
export function visibleText(name) {
	return name.replace(UNSEEN, (c) => {
		const code = c.charCodeAt(0);
		return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
	});
}

export function percentText(part, whole) {
	if (!whole)
		return '0 %';
	const percent = 100 * part / whole;
	return `${percent.toFixed(percent < 10 ? 2 : 1)} %`;
}

const NANOSECOND_STEPS = [[3600e9, 'h'], [60e9, 'min'], [1e9, 's'], [1e6, 'ms'], [1e3, 'us']];
const BYTE_STEPS = [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']];

/* A value of a sample type: "1,234 samples", "12.3 s", "4.00 MiB". */
export function valueText(value, { type, unit }) {
	const steps = unit === 'nanoseconds' ? NANOSECOND_STEPS : unit === 'bytes' ? BYTE_STEPS : null;
	if (!steps)
		return `${value.toLocaleString('en-US')} ${unit === 'count' ? type : unit}`;
	const [size, name] = steps.find(([least]) => Math.abs(value) >= least) ?? [1, unit === 'bytes' ? 'B' : 'ns'];
	return `${(value / size).toPrecision(3)} ${name}`;
}
