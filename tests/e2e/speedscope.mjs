// SPDX-License-Identifier: GPL-2.0-or-later
// speedscope.mjs PROFILE..: what speedscope makes of each profile, by the page that its package ships, in a
// headless Chromium. Prints one JSON line a file: {"unit", "stacks": {"root;..;leaf": weight}}.
// Exits with 77 if there is no browser or the npm packages are not installed.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);

function skip(reason) {
	console.error(`SKIPPED: ${reason}`);
	process.exit(77);
}

function findBrowser() {
	const names = ['chromium', 'chromium-browser', 'google-chrome'];
	const places = process.env.PATH.split(':').flatMap((dir) => names.map((n) => path.join(dir, n)));

	return process.env.CHROMIUM ?? places.find(existsSync) ?? skip('no chromium');
}

function findPackages() {
	try {
		const manifest = require.resolve('speedscope/package.json');

		return {
			puppeteer: require.resolve('puppeteer-core'),
			page: path.join(path.dirname(manifest), 'dist/release/index.html'),
		};
	} catch {
		skip('no speedscope and puppeteer-core: npm ci in tests/');
	}
}

// The profile goes in as speedscope's own command line program hands it over, and comes out as the file
// that its export (Ctrl-S) would save.
async function importProfile(page, file) {
	await page.evaluate(() => {
		window.exported = null;
		URL.createObjectURL = (blob) => {
			window.exported = blob.text();
			return 'javascript:void 0';
		};
	});
	await page.evaluate((name, base64) => window.speedscope.loadFileFromBase64(name, base64),
		path.basename(file), readFileSync(file).toString('base64'));
	// There is nothing to save until the import is done.
	for (let tries = 0; tries < 200; tries++) {
		await page.keyboard.down('Control');
		await page.keyboard.press('s');
		await page.keyboard.up('Control');
		if (await page.evaluate(() => window.exported !== null))
			return JSON.parse(await page.evaluate(() => window.exported));
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
	throw new Error(`speedscope does not import ${file}: ` +
		await page.evaluate(() => document.body.innerText));
}

// The export says when each frame opens (O) and closes (C); what passes in between is the open stack's.
function stacksOf(exported) {
	const profile = exported.profiles[exported.activeProfileIndex ?? 0];
	const open = [];
	const stacks = {};
	let last = profile.startValue;

	if (profile.type !== 'evented' || exported.profiles.length !== 1)
		throw new Error('speedscope exports in another form than expected');
	for (const { type, frame, at } of profile.events) {
		if (at > last) {
			const stack = open.join(';');

			stacks[stack] = (stacks[stack] ?? 0) + at - last;
			last = at;
		}
		if (type === 'O')
			open.push(exported.shared.frames[frame].name);
		else
			open.pop();
	}
	return { unit: profile.unit, stacks };
}

const packages = findPackages();
const { default: puppeteer } = await import(packages.puppeteer);
const browser = await puppeteer.launch({
	executablePath: findBrowser(),
	headless: true,
	args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
});

try {
	for (const file of process.argv.slice(2)) {
		const page = await browser.newPage();

		await page.goto(`file://${packages.page}#localProfilePath=dev/null`);
		await page.waitForFunction(() => window.speedscope);
		console.log(JSON.stringify(stacksOf(await importProfile(page, file))));
		await page.close();
	}
} finally {
	await browser.close();
}
