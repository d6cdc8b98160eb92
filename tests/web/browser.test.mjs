/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page in a real browser, from `wick serve` and from a file. Environment: WICK, the program
 * (default: build/wick); CHROMIUM, the browser (default: /usr/bin/chromium).
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL, fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { deepSamples, HOSTILE_NAMES, hostileSamples, makePprof, randomSamples } from './make-profile.mjs';

const wick = process.env.WICK ?? fileURLToPath(new URL('../../build/wick', import.meta.url));
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const scratch = mkdtempSync(join(tmpdir(), 'wick-web-'));
const store = join(scratch, 'store');

const simple = [['main;hot', 700], ['main;warm;hot', 200], ['main;cold', 95], ['main;rare;leaf', 5]].map(([stack, n]) =>
	({ stack: stack.split(';'), values: [n, n * 10101010], comm: 'app' }));
const profiles = {
	'simple.pb.gz': [simple, { comments: ['wick-ledger: taken=1003 written=1000 dropped.ring_full=3 complete=900 cut.fp_range=100'] }],
	'hostile.pb.gz': [hostileSamples(), { comments: ['wick-ledger: taken=1 written=1 complete=1', '<img src=x onerror="window.hacked=4">'] }],
	'random.pb.gz': [randomSamples(2000, 40, 500)],
	'empty.pb.gz': [[]],
	'deep.pb.gz': [deepSamples(4000)],
};

let browser, server, url, token;
const troubles = []; // what a page complains of: none is allowed

function startServer() {
	server = spawn(wick, ['serve', '--listen', '127.0.0.1:0', store], { stdio: ['ignore', 'ignore', 'pipe'] });
	return new Promise((resolve, reject) => {
		let text = '';
		server.stderr.on('data', (data) => {
			text += data;
			const found = /(http:\/\/\S+\/)#token=([0-9a-f]{32})/.exec(text);
			if (found)
				resolve(found);
		});
		server.on('exit', () => reject(new Error(`wick serve ended: ${text}`)));
	});
}

before(async () => {
	assert.ok(existsSync(wick), `no program at ${wick}: build it first`);
	spawnSync('mkdir', [store]);
	for (const [name, [samples, options]] of Object.entries(profiles)) {
		const path = join(store, name);
		writeFileSync(path, gzipSync(makePprof(samples, options)));
		const made = spawnSync(wick, ['convert', path, '-o', join(scratch, name.replace('.pb.gz', '.html'))], { encoding: 'utf8' });
		assert.equal(made.status, 0, made.stderr);
	}
	writeFileSync(join(store, 'text.folded'), 'app;main;one 3\napp;main;two 4\n');
	writeFileSync(join(store, 'broken.pb.gz'), 'this is no profile');
	[, url, token] = await startServer();
	browser = await puppeteer.launch({ executablePath: chromium, userDataDir: join(scratch, 'browser'), headless: true,
		args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
			'--disable-component-update', '--disable-sync'] });
});

after(async () => {
	await browser?.close();
	server?.kill('SIGINT');
	rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
});

async function openPage(address) {
	const page = await browser.newPage();
	await page.setViewport({ width: 1200, height: 700 });
	page.on('console', (message) => troubles.push(`${address}: ${message.text()}`));
	page.on('pageerror', (error) => troubles.push(`${address}: ${error.message}`));
	page.on('dialog', (dialog) => troubles.push(`${address}: dialog`));
	await page.evaluateOnNewDocument(() =>
		document.addEventListener('securitypolicyviolation', (event) => console.log(`CSP: ${event.violatedDirective} ${event.blockedURI}`)));
	await page.goto(address);
	await page.waitForFunction('document.body.dataset.ready');
	return page;
}

const served = (name, more = '') => openPage(`${url}#token=${token}&p=${name}${more}`);
const fromFile = (name) => openPage(pathToFileURL(join(scratch, name.replace('.pb.gz', '.html'))).href);

/* Waits for the next picture. */
const settled = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
const text = (page, id) => page.$eval(`#${id}`, (element) => element.value ?? element.textContent);

async function tableRows(page, key) {
	if (await page.$eval('#top', (element) => element.hidden))
		await page.click('#table');
	await page.click(`#by-${key}`);
	return page.$$eval('#rows tr', (rows) => rows.map((row) => [row.title.split('\n')[0], row.querySelector('button').textContent]));
}

/* The middle of the box of the node with this path. */
function boxCentre(page, path) {
	return page.evaluate((names) => {
		const { app } = window.wick;
		const { tree, frames } = app.model;
		let node = 0;
		for (const name of names)
			node = Array.from(tree.children.subarray(tree.childStart[node], tree.childStart[node + 1])).find((child) => frames.names[tree.frame[child]] === name);
		const box = app.layout.nodes.indexOf(node);
		const level = app.layout.levels.findLastIndex((start) => start <= box);
		const area = document.getElementById('flame').getBoundingClientRect();
		return [area.left + app.layout.lefts[box] + app.layout.widths[box] / 2, area.top + (level + 0.5) * 18];
	}, path);
}

/* Every function of the input with its self sum, as the table writes it. */
function expectedSelf(samples) {
	const sums = new Map();
	for (const { stack, values } of samples)
		sums.set(stack.at(-1), (sums.get(stack.at(-1)) ?? 0) + values[0]);
	return [...sums].map(([name, n]) => `${name.replace(/^\[k\] /, '')}: self ${n.toLocaleString('en-US')} samples`).sort();
}

for (const [how, open] of [['served', served], ['from a file', fromFile]]) {
	test(`${how}: functions and sums are those of the input`, async () => {
		for (const name of ['simple.pb.gz', 'random.pb.gz']) {
			const [samples] = profiles[name];
			const page = await open(name);
			assert.equal(await page.evaluate('document.body.dataset.total'), String(samples.reduce((sum, { values }) => sum + values[0], 0)));
			const rows = (await tableRows(page, 'self')).map(([title, shown]) => `${shown}: ${title.split(', total')[0]}`);
			const wanted = expectedSelf(samples), shownNames = rows.filter((row) => !row.includes('self 0 ')).sort();
			if (rows.length < 300)
				assert.deepEqual(shownNames, wanted);
			else
				assert.ok(shownNames.every((row) => wanted.includes(row)));
			await page.close();
		}
	});

	test(`${how}: hostile names run nothing and are text`, async () => {
		const page = await open('hostile.pb.gz');
		const names = (await tableRows(page, 'total')).map(([, name]) => name);
		for (const name of HOSTILE_NAMES.filter((one) => !/[\x00-\x1f\u202e]/.test(one)))
			assert.ok(names.includes(name), name);
		assert.ok(names.includes('esc \\x1b[31mred\\x1b[0m') && names.includes('bidi \\u202egnp.exe\\u202c end'));
		for (const name of HOSTILE_NAMES.slice(0, 8)) {
			const [x, y] = await boxCentre(page, [name, 'main']);
			await page.mouse.move(x, y);
			await settled(page);
		}
		await page.$$eval('#rows button', (buttons) => buttons.forEach((button) => button.click()));
		await settled(page);
		assert.equal(await page.evaluate('window.hacked'), undefined);
		assert.equal(await page.$$eval('img, script:not([type=module]):not([type="application/octet-stream"]), iframe', (found) => found.length), 0);
		await page.close();
	});

	test(`${how}: a click zooms, reset shows all, reload and back keep the place`, async () => {
		const page = await open('simple.pb.gz');
		const scaleOf = () => page.evaluate('window.wick.app.sums.total[window.wick.app.zoom]');
		await page.mouse.click(...await boxCentre(page, ['app', 'main', 'warm']));
		assert.equal(await scaleOf(), 200);
		const address = page.url();
		assert.match(address, /#.*z=[\w-]{12}/);
		assert.ok(!address.includes('token'));
		await page.reload();
		await page.waitForFunction('document.body.dataset.ready === "shown"');
		assert.equal(await scaleOf(), 200);
		await page.goBack();
		await page.waitForFunction('window.wick.app.zoom === 0');
		assert.equal(await scaleOf(), 1000);
		await page.goForward();
		await page.waitForFunction('window.wick.app.zoom !== 0');
		await page.click('#reset');
		assert.equal(await scaleOf(), 1000);
		assert.ok(await page.$eval('#reset', (button) => button.disabled));
		await page.close();
	});

	test(`${how}: search says how much matches, of all and of the zoom`, async () => {
		const page = await open('simple.pb.gz');
		await page.keyboard.press('/');
		await page.keyboard.type('HOT');
		assert.equal(await text(page, 'matched'), '90.0 % matched');
		await page.keyboard.press('Escape');
		assert.equal(await text(page, 'matched'), '');
		await page.keyboard.press('/');
		await page.keyboard.type('/^(main|hot)$/');
		assert.equal(await text(page, 'matched'), '100.0 % matched');
		await page.keyboard.press('Escape');
		await page.keyboard.press('/');
		await page.keyboard.type('/(/');
		assert.equal(await text(page, 'matched'), 'not a regular expression');
		await page.keyboard.press('Escape');
		await page.keyboard.press('/');
		await page.keyboard.type('warm');
		await page.keyboard.press('Enter');
		assert.deepEqual(await page.evaluate('window.wick.describe(window.wick.app.marked)[0]'), 'warm');
		await page.mouse.click(...await boxCentre(page, ['app', 'main', 'warm']));
		assert.equal(await text(page, 'matched'), '100.0 % matched');
		await page.close();
	});

	test(`${how}: the ledger and the tooltip speak`, async () => {
		const page = await open('simple.pb.gz');
		assert.equal(await text(page, 'ledger'), '1,003 samples taken, 3 dropped: ring_full 3, 1,000 written, 900 complete, 100 cut: fp_range 100');
		await page.mouse.move(...await boxCentre(page, ['app', 'main', 'hot']));
		await settled(page);
		assert.deepEqual(await page.$$eval('#tip div', (lines) => lines.map((line) => line.textContent)),
			['hot', '700 samples: 70.0 % of all', 'self 700 samples: 70.0 %', '/usr/bin/example']);
		await page.close();
	});

	test(`${how}: keys walk through the boxes and zoom`, async () => {
		const page = await open('simple.pb.gz');
		await page.focus('#flame');
		for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowRight'])
			await page.keyboard.press(key);
		assert.match(await text(page, 'said'), /^rare/);
		await page.keyboard.press('Enter');
		assert.equal(await page.evaluate('window.wick.app.sums.total[window.wick.app.zoom]'), 5);
		await page.keyboard.press('0');
		assert.equal(await page.evaluate('window.wick.app.zoom'), 0);
		await page.close();
	});

	test(`${how}: empty and very deep profiles are shown`, async () => {
		const empty = await open('empty.pb.gz');
		assert.equal(await text(empty, 'message'), 'no samples in this profile');
		await empty.close();
		const deep = await open('deep.pb.gz');
		assert.equal(await deep.evaluate('window.wick.app.layout.depth'), 4002);
		assert.ok(await deep.evaluate('document.getElementById("flame").height < 2000'));
		await deep.evaluate('document.getElementById("view").scrollTop = 1e6');
		await settled(deep);
		await deep.mouse.move(100, 600);
		await settled(deep);
		assert.match((await deep.$$eval('#tip div', (lines) => lines[0].textContent)), /^level_39\d\d$/);
		await deep.close();
	});
}

test('boxes are painted, in the light and in the dark', async () => {
	const page = await served('simple.pb.gz');
	for (const [scheme, isBright] of [['light', true], ['dark', false]]) {
		await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
		await settled(page);
		const [box, below] = await page.evaluate(() => {
			const canvas = document.getElementById('flame');
			const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
			copy.drawImage(canvas, 0, 0);
			const at = (x, y) => Array.from(copy.getImageData(x, y, 1, 1).data.slice(0, 3));
			return [at(1000, 3 * 18 + 3), at(1000, canvas.height - 5)];
		});
		assert.equal(below.every((part) => part > 128), isBright, scheme);
		assert.notDeepEqual(box, below);
	}
	await page.close();
});

test('the picker changes the profile, folded text is served as a profile', async () => {
	const page = await served('simple.pb.gz');
	const names = await page.$$eval('#profiles option', (options) => options.map((option) => option.textContent));
	assert.deepEqual([...names].sort(), [...Object.keys(profiles), 'broken.pb.gz', 'text.folded'].sort());
	await page.evaluate((at) => {
		const select = document.getElementById('profiles');
		select.selectedIndex = at;
		select.dispatchEvent(new Event('change'));
	}, names.indexOf('text.folded'));
	await page.waitForFunction('document.body.dataset.total === "7"');
	assert.match(page.url(), /p=text\.folded/);
	await page.close();
});

test('refresh shows what has been added, and keeps the zoom', async () => {
	const page = await served('simple.pb.gz');
	await page.mouse.click(...await boxCentre(page, ['app', 'main', 'warm']));
	writeFileSync(join(store, 'simple.pb.gz'), gzipSync(makePprof([...simple, { stack: ['main', 'warm', 'new'], values: [50, 5], comm: 'app' }])));
	await page.click('#refresh');
	await page.waitForFunction('document.body.dataset.total === "1050"');
	assert.equal(await page.evaluate('window.wick.app.sums.total[window.wick.app.zoom]'), 250);
	await page.close();
});

test('the token is asked for, kept for the tab, and out of sight', async () => {
	const page = await browser.newPage();
	await page.goto(url);
	await page.waitForFunction('document.body.dataset.ready');
	assert.match(await text(page, 'message'), /needs the token/);
	await page.goto(`${url}#token=${token}`);
	await page.waitForFunction('document.body.dataset.ready === "shown"');
	assert.ok(!page.url().includes(token));
	await page.reload();
	await page.waitForFunction('document.body.dataset.ready === "shown"');
	await page.close();
});

test('a broken profile is one clear message', async () => {
	const page = await browser.newPage();
	await page.goto(`${url}#token=${token}&p=broken.pb.gz`);
	await page.waitForFunction('document.body.dataset.ready');
	assert.match(await text(page, 'message'), /^cannot read this profile: /);
	await page.close();
});

test('a script that got into the page would not run, and would be seen', async () => {
	for (const open of [served, fromFile]) {
		const page = await open('simple.pb.gz');
		const seen = troubles.length;
		await page.evaluate(() => {
			const script = document.createElement('script');
			script.textContent = 'window.hacked = 5';
			document.body.append(script);
		});
		await settled(page);
		assert.equal(await page.evaluate('window.hacked'), undefined);
		assert.ok(troubles.splice(seen).some((trouble) => trouble.includes('CSP: script-src')));
		await page.close();
	}
});

test('no page complained', () => {
	assert.deepEqual(troubles, []);
});
