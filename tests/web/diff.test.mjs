/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comparisons and SVG flame graphs in a real browser, from files. Environment: WICK, the program (default:
 * build/wick); CHROMIUM, the browser (default: /usr/bin/chromium).
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL, fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { frameColour, THEMES } from '../../web/draw.js';
import { buildModel, KIND } from '../../web/model.js';
import { deepSamples, HOSTILE_NAMES, hostileSamples, makePprof, randomSamples } from './make-profile.mjs';

const wick = process.env.WICK ?? fileURLToPath(new URL('../../build/wick', import.meta.url));
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const scratch = mkdtempSync(join(tmpdir(), 'wick-diff-'));
const path = (name) => join(scratch, name);

const stacks = (counts) => Object.entries(counts).map(([stack, n]) =>
	({ stack: stack.split(';'), values: [n, n * 10101010], comm: 'app' }));
const STEADY = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`main;steady_${i}`, 3000 + i]));
const profiles = {
	before: stacks({ ...STEADY, 'main;worse': 4000, 'main;better': 4000, 'main;up;dead': 900, 'main;old': 2000 }),
	after: stacks({ ...STEADY, 'main;worse': 6000, 'main;better': 800, 'main;down;born': 700, 'main;fresh': 2000 }),
	hostile: hostileSamples(), random: randomSamples(300, 20, 200), deep: deepSamples(4000), empty: [],
};

let browser;
const troubles = []; // what a page complains of or asks the network for: none is allowed

function run(...args) {
	const made = spawnSync(wick, args, { encoding: 'utf8' });
	assert.equal(made.status, 0, made.stderr);
}

before(async () => {
	assert.ok(existsSync(wick), `no program at ${wick}: build it first`);
	for (const [name, samples] of Object.entries(profiles)) {
		writeFileSync(path(`${name}.pb.gz`), gzipSync(makePprof(samples)));
		run('convert', path(`${name}.pb.gz`), '-o', path(`${name}.svg`));
	}
	for (const extension of ['html', 'svg'])
		run('diff', path('before.pb.gz'), path('after.pb.gz'), '-o', path(`diff.${extension}`));
	for (const side of ['before', 'after'])
		run('diff', path('before.pb.gz'), path('after.pb.gz'), '-o', path(`diff-${side}.svg`), '--width', side);
	writeFileSync(path('hostile-b.pb.gz'), gzipSync(makePprof(hostileSamples().map((sample) => ({ ...sample, values: sample.values.map((n) => n * 20) })))));
	for (const extension of ['html', 'svg'])
		run('diff', path('hostile.pb.gz'), path('hostile-b.pb.gz'), '-o', path(`hostile-diff.${extension}`));
	browser = await puppeteer.launch({ executablePath: chromium, userDataDir: path('browser'), headless: true,
		args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
			'--disable-component-update', '--disable-sync'] });
});

after(async () => {
	await browser?.close();
	rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
});

async function openFile(name, scheme = 'light') {
	const page = await browser.newPage();
	await page.setViewport({ width: 1220, height: 700 });
	await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
	page.on('console', (message) => troubles.push(`${name}: ${message.text()}`));
	page.on('pageerror', (error) => troubles.push(`${name}: ${error.message}`));
	page.on('request', (request) => /^(file|data):/.test(request.url()) || troubles.push(`${name}: asks for ${request.url()}`));
	await page.goto(pathToFileURL(path(name)).href);
	if (name.endsWith('.html'))
		await page.waitForFunction('document.body.dataset.ready === "shown"');
	return page;
}

/* ---- the viewer ---- */

const nodeOf = (page, names) => page.evaluate((wanted) => {
	const { tree, frames } = window.wick.app.model;
	return wanted.reduce((node, name) => Array.from(tree.children.subarray(tree.childStart[node], tree.childStart[node + 1]))
		.find((child) => frames.names[tree.frame[child]] === name), 0);
}, names);

const describe = async (page, names) => page.evaluate((node) => window.wick.describe(node), await nodeOf(page, names));

const widthOf = async (page, names) => page.evaluate((node) => {
	const { layout } = window.wick.app;
	return layout.widths[layout.nodes.indexOf(node)] ?? 0;
}, await nodeOf(page, names));

async function chooseWidth(page, type) {
	await page.select('#types', type);
	await page.waitForFunction((wanted) => window.wick.app.model.types[window.wick.app.type].type === wanted, {}, type);
}

test('a comparison says verdict, interval and both values', async () => {
	const page = await openFile('diff.html');
	const lines = await describe(page, ['app', 'main', 'worse']);
	assert.equal(lines[0], 'worse');
	assert.match(lines[1], /^in this stack: 8\.5\d % \u2192 13\.\d %$/);
	assert.match(lines[2], /^slower \(\+\d+\.\d % against most functions\)$/);
	assert.match(lines[3], /^self: 8\.5\d % -> 13\.\d+ %, \+\d\.\d+ \[\+\d\.\d+ \.\. \+\d\.\d+\], \+\d+\.\d %, q .*: slower$/);
	assert.equal((await describe(page, ['app', 'main', 'up', 'dead']))[2], 'gone');
	assert.equal((await describe(page, ['app', 'main', 'old']))[2], 'moved (to fresh)');
	assert.match((await describe(page, ['app', 'main', 'steady_3']))[2], /^no evidence/);
	assert.match(await page.$eval('#ledger', (element) => element.textContent), /1 slower/);
	await page.close();
});

test('boxes are as wide as either side, and gone frames are seen', async () => {
	const page = await openFile('diff.html');
	const dead = ['app', 'main', 'up', 'dead'], born = ['app', 'main', 'down', 'born'], worse = ['app', 'main', 'worse'];
	assert.ok(await widthOf(page, dead) > 3 && await widthOf(page, born) > 3);
	await chooseWidth(page, 'before');
	assert.ok(await widthOf(page, dead) > 10 && await widthOf(page, born) === 0);
	const before = await widthOf(page, worse);
	await chooseWidth(page, 'after');
	assert.ok(await widthOf(page, dead) === 0 && await widthOf(page, born) > 10);
	assert.ok(await widthOf(page, worse) > 1.3 * before);
	await page.close();
});

test('what costs more is orange, less blue, the rest grey, in the light and in the dark', async () => {
	for (const scheme of ['light', 'dark']) {
		const page = await openFile('diff.html', scheme);
		const colourOf = async (names) => {
			const node = await nodeOf(page, names);
			return page.evaluate((wanted) => {
				const { layout } = window.wick.app, box = layout.nodes.indexOf(wanted);
				const level = layout.levels.findLastIndex((start) => start <= box);
				const canvas = document.getElementById('flame');
				const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
				copy.drawImage(canvas, 0, 0);
				return Array.from(copy.getImageData(Math.round(layout.lefts[box] + layout.widths[box] - 2), level * 18 + 3, 1, 1).data.slice(0, 3));
			}, node);
		};
		await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
		const [red, , blue] = await colourOf(['app', 'main', 'worse']);
		assert.ok(red > blue + 60, `${scheme}: worse`);
		const [lessRed, , lessBlue] = await colourOf(['app', 'main', 'better']);
		assert.ok(lessBlue > lessRed + 60, `${scheme}: better`);
		const grey = await colourOf(['app', 'main', 'steady_3']);
		assert.ok(Math.max(...grey) - Math.min(...grey) < 10, `${scheme}: steady`);
		await page.close();
	}
});

test('the table tells verdicts, search works as ever', async () => {
	const page = await openFile('diff.html');
	await page.click('#table');
	const rows = await page.$$eval('#rows button', (buttons) => buttons.map((button) => button.textContent));
	assert.ok(rows.includes('worse \u2014 slower') && rows.includes('dead \u2014 gone'));
	await page.keyboard.press('/');
	await page.keyboard.type('worse');
	assert.match(await page.$eval('#matched', (element) => element.value), /^1\d\.\d % matched$/);
	await page.close();
});

test('hostile names in a comparison run nothing and are text', async () => {
	const page = await openFile('hostile-diff.html');
	await page.click('#table');
	await page.click('#by-total');
	const rows = await page.$$eval('#rows button', (buttons) => buttons.map((button) => button.textContent.split(' \u2014 ')[0]));
	for (const name of HOSTILE_NAMES.filter((one) => !/[\x00-\x1f\u202e]/.test(one)))
		assert.ok(rows.includes(name), name);
	for (const name of HOSTILE_NAMES)
		assert.match((await page.evaluate((wanted) => window.wick.app.comparison.find(wanted).verdict, name)), /./);
	assert.equal(await page.evaluate('window.hacked'), undefined);
	assert.equal(await page.$$eval('img, iframe', (found) => found.length), 0);
	await page.close();
});

/* ---- SVG ---- */

/* [{name, tip, left, width, fill, shown}] */
const boxes = (page) => page.$$eval('#frames g', (groups) => groups.map((group) => {
	const [title, rect] = group.children;
	return { name: title.textContent.split('\n')[0], tip: title.textContent, left: Number(rect.getAttribute('x')), top: Number(rect.getAttribute('y')),
		width: Number(rect.getAttribute('width')), fill: rect.getAttribute('fill'), isShown: getComputedStyle(group).display !== 'none' };
}));

const clickBox = (page, name) => page.$$eval('#frames g', (groups, wanted) =>
	groups.find((group) => group.firstChild.textContent.startsWith(`${wanted}\n`)).dispatchEvent(new MouseEvent('click', { bubbles: true })), name);

test('an SVG is made of the profile\'s boxes', async () => {
	const page = await openFile('before.svg');
	const all = await boxes(page);
	const total = profiles.before.reduce((sum, { values }) => sum + values[0], 0);
	const worse = all.find(({ name }) => name === 'worse');
	assert.ok(Math.abs(worse.width - 1200 * 4000 / total) < 0.02);
	assert.match(worse.tip, /^worse\n4000 samples: 8\.\d\d %, self 4000: 8\.\d\d %$/);
	assert.equal(all.find(({ name }) => name === 'main').width, 1200);
	const names = all.filter(({ top }) => top === worse.top).map(({ name }) => name);
	assert.deepEqual(names, [...names].sort());
	await page.close();
});

test('an SVG zooms, searches, and goes back', async () => {
	const page = await openFile('before.svg');
	await clickBox(page, 'up');
	let all = await boxes(page);
	assert.equal(all.find(({ name }) => name === 'dead').width, 1200);
	assert.ok(!all.find(({ name }) => name === 'worse').isShown);
	await page.click('#reset');
	all = await boxes(page);
	assert.ok(all.every(({ isShown }) => isShown));
	page.once('dialog', (dialog) => dialog.accept('/^(main|worse)$/'));
	await page.keyboard.press('/');
	assert.equal(await page.$eval('#matched', (element) => element.textContent), '100.0 % matched');
	page.once('dialog', (dialog) => dialog.accept('WORSE'));
	await page.click('#search');
	assert.match(await page.$eval('#matched', (element) => element.textContent), /^8\.\d % matched$/);
	assert.equal(await page.$$eval('.match', (found) => found.length), 1);
	page.once('dialog', (dialog) => dialog.accept('/(/'));
	await page.click('#search');
	assert.equal(await page.$eval('#matched', (element) => element.textContent), 'not a regular expression');
	await page.keyboard.press('Escape');
	assert.equal(await page.$eval('#matched', (element) => element.textContent), '');
	await page.close();
});

function rgbOf(hsl) {
	const [hue, saturation, lightness] = hsl.match(/[\d.]+/g).map(Number);
	const part = (n) => {
		const k = (n + hue / 30) % 12, a = saturation / 100 * Math.min(lightness / 100, 1 - lightness / 100);
		return 255 * (lightness / 100 - a * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
	};
	return [part(0), part(8), part(4)];
}

test('an SVG has the page\'s colours', async () => {
	for (const name of ['random', 'hostile']) {
		const model = buildModel(makePprof(profiles[name])), page = await openFile(`${name}.svg`);
		const byName = new Map(model.frames.names.map((text, frame) => [text, frame]));
		let checked = 0;
		for (const box of await boxes(page)) {
			const frame = byName.get(box.name);
			/* A name may be a process and a function. */
			if (frame === undefined || model.frames.names.filter((text) => text === box.name).length > 1 || model.frames.kinds[frame] === KIND.ROOT)
				continue;
			const wanted = rgbOf(frameColour(model.frames, frame, THEMES.light));
			const have = [1, 3, 5].map((at) => parseInt(box.fill.slice(at, at + 2), 16));
			have.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) <= 1, `${box.name}: ${have} ${wanted}`));
			checked++;
		}
		assert.ok(checked > 5 || name === 'hostile', `${name}: ${checked}`);
		await page.close();
	}
});

test('hostile names in an SVG run nothing and are text', async () => {
	for (const name of ['hostile.svg', 'hostile-diff.svg']) {
		const page = await openFile(name);
		const names = (await boxes(page)).map((box) => box.name);
		for (const wanted of HOSTILE_NAMES.filter((one) => !/[\x00-\x1f\u202e]/.test(one)))
			assert.ok(names.includes(wanted), `${name}: ${wanted}`);
		assert.ok(names.includes('esc \\x1b[31mred\\x1b[0m') && names.includes('bidi \\u202egnp.exe\\u202c end'));
		assert.equal(await page.evaluate('window.hacked'), undefined);
		assert.equal(await page.$$eval('img, script', (found) => found.length), 1);
		await page.close();
	}
});

test('a comparison as SVG: colours, both values, either side', async () => {
	const page = await openFile('diff.svg');
	const all = await boxes(page), box = (name) => all.find((one) => one.name === name);
	const parts = (name) => [1, 3, 5].map((at) => parseInt(box(name).fill.slice(at, at + 2), 16));
	assert.ok(parts('worse')[0] > parts('worse')[2] + 60);
	assert.ok(parts('better')[2] > parts('better')[0] + 60);
	assert.equal(box('steady_3').fill, '#d9d9dc');
	assert.ok(box('dead').width > 3 && box('born').width > 3);
	assert.match(box('worse').tip, /^worse\nin this stack: 8\.\d\d % -> 13\.\d\d %\nslower \(.*\)\nself: .*\[.* \.\. .*\].*: slower\n/);
	await page.close();
	for (const [side, has, lacks] of [['before', 'dead', 'born'], ['after', 'born', 'dead']]) {
		const one = await openFile(`diff-${side}.svg`);
		const names = (await boxes(one)).map(({ name }) => name);
		assert.ok(names.includes(has) && !names.includes(lacks), side);
		await one.close();
	}
});

test('empty and very deep profiles are SVGs, too', async () => {
	const empty = await openFile('empty.svg');
	assert.deepEqual((await boxes(empty)).map(({ name }) => name), ['all']);
	await empty.close();
	const deep = await openFile('deep.svg');
	assert.equal((await boxes(deep)).length, 4002);
	await deep.close();
});

test('an SVG asks for nothing and names no other place', () => {
	const svg = readFileSync(path('before.svg'), 'utf8');
	assert.deepEqual(svg.match(/(https?:)?\/\/[\w.]+/g), ['http://www.w3.org']);
	assert.doesNotMatch(svg, /\b(href|src|url\()/);
});

test('no page complained', () => {
	assert.deepEqual(troubles, []);
});
