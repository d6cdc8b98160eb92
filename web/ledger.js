/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger of a profile: its comment "wick-ledger: taken=12 written=12 ..", and it in words. */

const LEDGER_MARK = 'wick-ledger:';

/* {taken, written, complete, not_run: numbers or undefined; dropped, cut: [[reason, n], ..]}, or null
 * where no comment is a ledger. */
export function parseLedger(comments) {
	const comment = comments.find((text) => text.startsWith(LEDGER_MARK));
	if (comment === undefined)
		return null;
	const ledger = { dropped: [], cut: [] };
	for (const word of comment.slice(LEDGER_MARK.length).trim().split(/\s+/)) {
		const [, group, reason, digits] = /^(\w+)(?:\.([\w-]+))?=(\d+)$/.exec(word) ?? [];
		if (reason && (group === 'dropped' || group === 'cut'))
			ledger[group].push([reason, Number(digits)]);
		else if (group && !reason && group !== 'dropped' && group !== 'cut')
			ledger[group] = Number(digits);
	}
	return ledger;
}

export function formatCount(n) {
	return n.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

function lossInWords(losses, word) {
	const some = losses.filter(([, n]) => n > 0);
	if (!some.length)
		return `0 ${word}`;
	const sum = some.reduce((all, [, n]) => all + n, 0);
	return `${formatCount(sum)} ${word}: ${some.map(([why, n]) => `${why} ${formatCount(n)}`).join(', ')}`;
}

/* "5,940 samples taken, 0 dropped, 5,940 written, 5,102 complete, 838 cut: fp_range 838". */
export function ledgerInWords(ledger) {
	const parts = [`${formatCount(ledger.taken ?? 0)} samples taken`,
		lossInWords(ledger.dropped, 'dropped'),
		`${formatCount(ledger.written ?? 0)} written`,
		`${formatCount(ledger.complete ?? 0)} complete`,
		lossInWords(ledger.cut, 'cut')];
	if (ledger.not_run)
		parts.push(`about ${formatCount(ledger.not_run)} ticks not run`);
	return parts.join(', ');
}

/* Does every sample taken have a place in it? */
export function ledgerAddsUp(ledger) {
	const sum = (losses) => losses.reduce((all, [, n]) => all + n, 0);
	return ledger.taken === ledger.written + sum(ledger.dropped) &&
		ledger.written === ledger.complete + sum(ledger.cut);
}
