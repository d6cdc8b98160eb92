/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of functions as DOM rows. Names become text, never markup. */
import { frameColour } from './draw.js';
import { percentText, valueText, visibleText } from './text.js';
import { sortFunctions, topFunctions } from './top.js';

const TABLE_ROWS = 300;

function makeCell(text) {
	const cell = document.createElement('td');
	cell.textContent = text;
	return cell;
}

function makeRow(model, row, { whole, key, type, theme, comparison, choose }) {
	const line = document.createElement('tr');
	const name = model.frames.names[row.frame], module = model.frames.modules[row.frame];
	const button = document.createElement('button');
	const share = 100 * row[key] / whole;

	line.append(makeCell(percentText(row.self, whole)), makeCell(percentText(row.total, whole)));
	line.title = `self ${valueText(row.self, type)}, total ${valueText(row.total, type)}\n${visibleText(name)}\n${visibleText(module)}`;
	const verdict = comparison?.find(name)?.verdict;
	button.textContent = verdict ? `${visibleText(name)} \u2014 ${verdict}` : visibleText(name);
	button.style.borderLeftColor = frameColour(model.frames, row.frame, theme, comparison);
	button.style.background = `linear-gradient(to right, var(--bar) ${share.toFixed(2)}%, transparent 0)`;
	button.addEventListener('click', () => choose(name));
	line.append(makeCell(''));
	line.lastChild.append(button);
	return line;
}

/* options: {key: "self"|"total", within, sums, type, theme, comparison, choose(name)}. */
export function fillTable(body, model, options) {
	const { sums, within, key } = options;
	const rows = sortFunctions(topFunctions(model, sums, within), key, model.frames);
	const whole = sums.total[within];
	body.replaceChildren(...rows.slice(0, TABLE_ROWS).map((row) =>
		makeRow(model, row, { ...options, whole })));
}
