/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wires the page: source -> model -> layout -> draw, and what hands do to state. */
import { formatCount, ledgerAddsUp, ledgerInWords, parseLedger } from './ledger.js';
import { gunzip } from './pprof.js';
import { buildModel, KIND, nodeName, sumTree } from './model.js';
import { boxAt, layoutTree } from './layout.js';
import { exactSearch, findMatches, makeMatcher, matchFrames } from './search.js';
import { percentText, valueText, visibleText } from './text.js';
import { openComparison } from './diff.js';
import { makePainter, ROW, THEMES } from './draw.js';
import { EMPTY_STATE, findZoom, formatHash, formatZoom, parseHash } from './state.js';
import { openSource } from './source.js';
import { fillTable } from './table.js';

const LIVE_MS = 5000;

const ui = Object.fromEntries(Array.from(document.querySelectorAll('[id]'), (element) => [element.id, element]));
const painter = makePainter(ui.flame);
const dark = matchMedia('(prefers-color-scheme: dark)');

/* What is shown. model is null until a profile is there; the rest follows from model and state. */
const app = {
	source: null, profiles: [], entry: null, state: EMPTY_STATE,
	comparison: openComparison(), sides: null, // sums before and after, where profiles are compared
	model: null, sums: null, type: 0, zoom: 0, layout: null,
	matching: null, matches: { nodes: [], sum: 0 }, match: -1,
	marked: -1, drawAsked: false,
	times: {}, // milliseconds of the last parse and draw
};

const theme = () => THEMES[dark.matches ? 'dark' : 'light'];

function timed(what, run) {
	const start = performance.now();
	const result = run();
	app.times[what] = performance.now() - start;
	return result;
}

/* ---- drawing: at most once a frame ---- */

function askDraw() {
	if (app.drawAsked)
		return;
	app.drawAsked = true;
	requestAnimationFrame(() => {
		app.drawAsked = false;
		if (app.model)
			timed('draw', drawNow);
	});
}

function levelTop(level) {
	const { depth } = app.layout;
	if (!app.state.inverted)
		return level * ROW - ui.view.scrollTop;
	const height = Math.max(depth * ROW, ui.view.clientHeight);
	return height - (level + 1) * ROW - ui.view.scrollTop;
}

function drawNow() {
	const { clientWidth: width, clientHeight: height } = ui.view;
	const { model, comparison, layout, matching, marked } = app;
	painter.resize(width, height, devicePixelRatio || 1);
	painter.draw({ model, comparison, layout, matching, marked, theme: theme(), width, height, top: levelTop });
}

function layOut() {
	if (!app.model)
		return;
	app.layout = timed('layout', () => layoutTree(app.model.tree, app.sums.total, app.zoom, ui.view.clientWidth));
	ui.extent.style.height = `${app.layout.depth * ROW}px`;
	ui.flame.style.width = `${ui.view.clientWidth}px`;
	ui.flame.style.height = `${ui.view.clientHeight}px`;
	askDraw();
}

/* ---- state: one way in, applyState() ---- */

/* push: a step that "back" undoes. */
function setState(change, push = true) {
	const state = { ...app.state, ...change };
	const hash = formatHash(state);
	if (hash !== formatHash(app.state))
		history[push ? 'pushState' : 'replaceState'](null, '', hash);
	applyState(state);
}

function applyState(state) {
	const before = app.state;
	app.state = state;
	if (ui.search.value !== state.search)
		ui.search.value = state.search;
	ui.invert.setAttribute('aria-pressed', state.inverted);
	ui.table.setAttribute('aria-pressed', Boolean(state.table));
	ui.top.hidden = !state.table;
	if (!app.entry || state.profile !== before.profile)
		openProfile();
	else
		applyToModel(state.search !== before.search || state.type !== before.type || state.zoom !== before.zoom,
			state.inverted !== before.inverted);
}

/* What the state says about this very profile. */
function applyToModel(isChanged, isTurned) {
	const { model, state } = app;
	if (!model)
		return;
	const type = model.types.findIndex((one) => one.type === state.type);
	setType(type < 0 ? model.shownType : type);
	const zoom = findZoom(model, state.zoom);
	if (zoom !== app.zoom)
		app.match = app.marked = -1;
	app.zoom = zoom;
	ui.reset.disabled = !zoom;
	if (isChanged)
		runSearch();
	layOut();
	showTable();
	if (isTurned)
		ui.view.scrollTop = state.inverted ? ui.view.scrollHeight : 0;
}

function setType(type) {
	if (app.sums?.model === app.model && app.type === type)
		return;
	app.type = type;
	app.sums = { model: app.model, ...sumTree(app.model, type) };
	ui.types.selectedIndex = type;
	document.body.dataset.total = app.sums.total[0];
}

function zoomTo(node) {
	setState({ zoom: formatZoom(app.model, node) });
	ui.view.scrollTop = app.state.inverted ? ui.view.scrollHeight : 0;
}

/* ---- search ---- */

function runSearch() {
	const { model, sums, zoom, state } = app;
	let matcher = null;
	ui.search.removeAttribute('aria-invalid');
	try {
		matcher = makeMatcher(state.search);
	} catch {
		ui.search.setAttribute('aria-invalid', 'true');
	}
	app.matching = matcher && matchFrames(model.frames, matcher);
	app.matches = matcher ? findMatches(model.tree, sums.total, app.matching, zoom) : { nodes: [], sum: 0 };
	ui.matched.value = matcher ? `${percentText(app.matches.sum, sums.total[zoom])} matched` :
		ui.search.hasAttribute('aria-invalid') ? 'not a regular expression' : '';
	ui.next.hidden = ui.previous.hidden = !app.matches.nodes.length;
}

/* Marks the next match, largest first, and brings it into sight; one too thin to be seen is zoomed to. */
function stepMatch(step) {
	const { nodes } = app.matches;
	if (!nodes.length)
		return;
	app.match = (app.match + step + nodes.length) % nodes.length;
	if (app.match < 0)
		app.match = nodes.length - 1;
	const node = nodes[app.match], position = app.match;
	if (!app.layout.nodes.includes(node)) {
		zoomTo(node);
		app.match = position;
		return;
	}
	mark(node);
}

/* ---- the marked box: under the mouse, or moved to by keys ---- */

function mark(node) {
	app.marked = node;
	scrollToMarked();
	ui.said.textContent = node < 0 ? '' : describe(node).join(', ');
	askDraw();
}

function scrollToMarked() {
	const box = app.layout.nodes.indexOf(app.marked);
	const level = app.layout.levels.findLastIndex((start) => start <= box);
	const y = box < 0 ? 0 : levelTop(level);
	if (y < 0)
		ui.view.scrollTop += y - ROW;
	else if (y > ui.view.clientHeight - ROW)
		ui.view.scrollTop += y - ui.view.clientHeight + 2 * ROW;
}

function describe(node) {
	const { model, sums, zoom, type } = app;
	const frame = model.tree.frame[node];
	const total = sums.total[node], self = sums.self[node];
	const shown = model.types[type];
	if (app.comparison)
		return describeChange(node);
	const lines = [visibleText(nodeName(model, node)),
		`${valueText(total, shown)}: ${percentText(total, sums.total[0])} of all` +
			(zoom ? `, ${percentText(total, sums.total[zoom])} of the zoom` : ''),
		`self ${valueText(self, shown)}: ${percentText(self, sums.total[0])}`];
	if (frame >= 0 && model.frames.modules[frame])
		lines.push(visibleText(model.frames.modules[frame]));
	if (model.tree.inlined[node])
		lines.push('inlined');
	return lines;
}

function describeChange(node) {
	const { model, sides } = app;
	const shares = sides.map(({ total }) => percentText(total[node], total[0]));
	const isFunction = node && model.frames.kinds[model.tree.frame[node]] !== KIND.PROCESS;
	const found = isFunction && app.comparison.find(nodeName(model, node));
	return [visibleText(nodeName(model, node)), `in this stack: ${shares.join(' \u2192 ')}`,
		...(found ? found.lines.map(visibleText) : [])];
}

function boxUnder(event) {
	if (!app.layout)
		return -1;
	const area = ui.flame.getBoundingClientRect();
	const y = event.clientY - area.top;
	const first = levelTop(0);
	const level = Math.floor(app.state.inverted ? (first + ROW - y) / ROW : (y - first) / ROW);
	return boxAt(app.layout, level, event.clientX - area.left);
}

function showTip(event) {
	const box = boxUnder(event);
	const node = box < 0 ? -1 : app.layout.nodes[box];
	ui.tip.hidden = node < 0;
	ui.flame.style.cursor = node < 0 ? 'default' : 'pointer';
	if (node !== app.marked) {
		app.marked = node;
		askDraw();
		if (node >= 0)
			ui.tip.replaceChildren(...describe(node).map((text) => {
				const line = document.createElement('div');
				line.textContent = text;
				return line;
			}));
	}
	if (node >= 0)
		placeTip(event);
}

function placeTip({ clientX, clientY }) {
	const { offsetWidth, offsetHeight } = ui.tip;
	const x = Math.min(clientX + 14, innerWidth - offsetWidth - 6);
	const y = clientY + 18 + offsetHeight > innerHeight ? clientY - offsetHeight - 12 : clientY + 18;
	ui.tip.style.transform = `translate(${Math.max(x, 4)}px, ${Math.max(y, 4)}px)`;
}

function hideTip() {
	ui.tip.hidden = true;
	app.marked = -1;
	askDraw();
}

/* Arrow keys: into the widest child, back to the parent, to the boxes beside. */
function moveMark(key) {
	const { layout, model } = app;
	const box = layout.nodes.indexOf(app.marked);
	const node = box < 0 ? app.zoom : layout.nodes[box];
	const inward = app.state.inverted ? 'ArrowUp' : 'ArrowDown';
	const beside = layout.nodes[box + (key === 'ArrowLeft' ? -1 : 1)];

	if (box < 0) {
		mark(node);
	} else if (key === 'ArrowLeft' || key === 'ArrowRight') {
		const level = layout.levels.findLastIndex((start) => start <= box);
		const next = box + (key === 'ArrowLeft' ? -1 : 1);
		if (next >= layout.levels[level] && next < layout.levels[level + 1])
			mark(beside);
	} else if (key === inward) {
		const children = layout.nodes.filter((one) => model.tree.parent[one] === node);
		if (children.length)
			mark(children.reduce((a, b) => app.sums.total[b] > app.sums.total[a] ? b : a));
	} else if (node) {
		mark(model.tree.parent[node]);
	}
}

/* ---- beside the graph ---- */

function showTable() {
	if (!app.state.table || !app.model)
		return;
	for (const key of ['self', 'total'])
		ui[`by-${key}`].closest('th').setAttribute('aria-sort', app.state.table === key ? 'descending' : 'none');
	fillTable(ui.rows, app.model, {
		key: app.state.table, within: app.zoom, sums: app.sums, theme: theme(), comparison: app.comparison,
		type: app.model.types[app.type], choose: (name) => setState({ search: exactSearch(name) }),
	});
}

function showComparison({ head }) {
	ui.ledger.textContent = app.comparison.summary();
	ui.meta.textContent = 'width: the value chosen above';
	ui.ledger.title = ui.meta.title = head.map(visibleText).join('\n');
}

function showLedger({ comments, timeNs, durationNs, ends }) {
	const ledger = parseLedger(comments);
	ui.ledger.textContent = ledger ? ledgerInWords(ledger) : 'no ledger: not a profile of wick\u2019s';
	ui.ledger.classList.toggle('broken', Boolean(ledger) && !ledgerAddsUp(ledger));
	ui.ledger.title = ledger && !ledgerAddsUp(ledger) ? 'The ledger does not add up: samples are missing.' : '';
	const about = [`${formatCount(ends.length)} stacks`];
	if (durationNs)
		about.unshift(`${(durationNs / 1e9).toPrecision(3)} s`);
	if (timeNs)
		about.unshift(new Date(timeNs / 1e6).toLocaleString());
	ui.meta.textContent = about.join(' \u00b7 ');
	ui.meta.title = comments.filter((text) => !text.startsWith('#')).map(visibleText).join('\n');
}

function fillSelect(select, texts, chosen) {
	select.replaceChildren(...texts.map((text) => {
		const option = document.createElement('option');
		option.textContent = visibleText(text);
		return option;
	}));
	select.selectedIndex = chosen;
	select.hidden = texts.length < 2;
}

function say(message) {
	ui.message.textContent = message;
}

/* ---- profiles ---- */

function showModel(model) {
	/* Whole samples are what a person can count; the file's own choice where it has none. */
	const samples = model.types.findIndex(({ type }) => type === 'samples');
	model.shownType = samples < 0 ? model.defaultType : samples;
	app.model = model;
	app.match = app.marked = -1;
	painter.forget();
	fillSelect(ui.types, model.types.map(({ type }) => type), 0);
	if (app.comparison) {
		app.sides = ['before', 'after'].map((side) => sumTree(model, model.types.findIndex(({ type }) => type === side)));
		showComparison(app.comparison);
	} else {
		showLedger(model);
	}
	applyToModel(true, app.state.inverted);
	ui.view.hidden = false;
	say(app.sums.total[0] > 0 ? '' : 'no samples in this profile');
}

async function readEntry(entry) {
	const bytes = await gunzip(await app.source.read(entry)).catch((error) => {
		throw error instanceof TypeError ? new Error('the gzip data is damaged') : error;
	});
	return timed('parse', () => buildModel(bytes));
}

/* Shows the profile that the state names, else the first; a later call overtakes an earlier one. */
async function openProfile(isQuiet = false) {
	const asked = openProfile.last = {};
	if (!isQuiet)
		say('reading ...');
	try {
		app.profiles = await app.source.list();
		const names = app.profiles.map(({ name }) => name);
		const at = Math.max(names.indexOf(app.state.profile), 0);
		fillSelect(ui.profiles, names, at);
		app.entry = app.profiles[at] ?? null;
		if (!app.entry)
			throw new Error('no profiles here yet');
		document.title = app.entry.name ? `${visibleText(app.entry.name)} - wick` : 'wick';
		const model = await readEntry(app.entry);
		if (asked === openProfile.last)
			showModel(model);
	} catch (error) {
		if (asked === openProfile.last && !(isQuiet && app.model))
			showFailure(error);
	}
	document.body.dataset.ready = app.model ? 'shown' : 'failed';
}

function showFailure(error) {
	app.model = app.layout = app.sums = null;
	delete document.body.dataset.total;
	ui.ledger.textContent = ui.meta.textContent = '';
	ui.rows.replaceChildren();
	painter.resize(0, 0, 1);
	say(error.message);
}

function refreshLive() {
	if (app.entry?.live && !document.hidden)
		openProfile(true);
}

/* ---- hands ---- */

const KEYS = {
	'/': () => ui.search.focus(),
	'0': () => zoomTo(0),
	n: () => stepMatch(1),
	N: () => stepMatch(-1),
	i: () => ui.invert.click(),
	t: () => ui.table.click(),
	r: () => !ui.refresh.hidden && ui.refresh.click(),
};

function onKey(event) {
	const isTyping = event.target.matches('input, select');
	if ((event.ctrlKey || event.metaKey) && event.key === 'f' || event.key === 'F3') {
		if (document.activeElement === ui.search)
			return; // the second Ctrl-F is the browser's own
		ui.search.select();
	} else if (event.key === 'Escape') {
		setState({ search: '' }, false);
		ui.search.blur();
	} else if (event.target === ui.search && event.key === 'Enter') {
		stepMatch(event.shiftKey ? -1 : 1);
	} else if (event.ctrlKey || event.metaKey || event.altKey || isTyping || !app.model) {
		return;
	} else if (event.target === ui.flame && event.key.startsWith('Arrow')) {
		moveMark(event.key);
	} else if (event.target === ui.flame && event.key === 'Enter') {
		zoomTo(Math.max(app.marked, 0));
	} else if (Object.hasOwn(KEYS, event.key)) {
		KEYS[event.key]();
	} else {
		return;
	}
	event.preventDefault();
}

function listen() {
	document.addEventListener('keydown', onKey);
	ui.search.addEventListener('input', () => setState({ search: ui.search.value }, false));
	ui.next.addEventListener('click', () => stepMatch(1));
	ui.previous.addEventListener('click', () => stepMatch(-1));
	ui.reset.addEventListener('click', () => zoomTo(0));
	ui.invert.addEventListener('click', () => setState({ inverted: !app.state.inverted }, false));
	ui.table.addEventListener('click', () => setState({ table: app.state.table ? '' : 'self' }, false));
	ui['by-self'].addEventListener('click', () => setState({ table: 'self' }, false));
	ui['by-total'].addEventListener('click', () => setState({ table: 'total' }, false));
	ui.refresh.addEventListener('click', () => openProfile(true));
	ui.types.addEventListener('change', () => setState({ type: app.model.types[ui.types.selectedIndex].type }));
	ui.profiles.addEventListener('change', () =>
		setState({ ...EMPTY_STATE, profile: app.profiles[ui.profiles.selectedIndex].name, inverted: app.state.inverted, table: app.state.table }));
	ui.flame.addEventListener('mousemove', showTip);
	ui.flame.addEventListener('mouseleave', hideTip);
	ui.flame.addEventListener('click', (event) => {
		const box = boxUnder(event);
		if (box >= 0)
			zoomTo(app.layout.nodes[box]);
	});
	ui.view.addEventListener('scroll', () => {
		ui.tip.hidden = true;
		askDraw();
	}, { passive: true });
	addEventListener('popstate', readAddress);
	dark.addEventListener('change', () => {
		painter.forget();
		askDraw();
		showTable();
	});
	new ResizeObserver(layOut).observe(ui.view);
	ui.refresh.hidden = Boolean(document.getElementById('profile'));
	setInterval(refreshLive, LIVE_MS);
}

/* Takes over what the address says; the token leaves sight and history. */
function readAddress() {
	const { state, token } = parseHash(location.hash);
	if (token !== null || !app.source) {
		history.replaceState(null, '', formatHash(state));
		app.source = openSource(token);
		app.entry = null;
	}
	applyState(state);
}

/* For tests and for curious people at the console: read only. */
Object.defineProperty(window, 'wick', { value: Object.freeze({ app, describe }) });

listen();
readAddress();
