/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What formats/html.c takes for granted when it makes one script of the modules. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const modules = [...read('profiler/assets.def').matchAll(/^MODULE\(\w+, "([\w.]+)"\)/gm)].map((match) => match[1]);
const names = (source) => [...source.matchAll(/^(?:export )?(?:async )?(?:const|let|var|function|class) (\w+)/gm)].map((match) => match[1]);

test('every module of web/ is embedded', () => {
	assert.deepEqual(readdirSync(new URL('web/', root)).filter((name) => name.endsWith('.js')).sort(), [...modules].sort());
});

test('imports stand on one line each and name only modules above', () => {
	modules.forEach((module, position) => {
		for (const line of read(`web/${module}`).split('\n').filter((text) => /\bimport\b/.test(text) && !/^[\s/]*\*|^\/\*/.test(text))) {
			const found = /^import \{ [\w, ]+ \} from '\.\/([\w.]+)';$/.exec(line);
			assert.ok(found, `${module}: ${line}`);
			assert.ok(modules.indexOf(found[1]) >= 0 && modules.indexOf(found[1]) < position, `${module}: ${line}`);
		}
	});
});

test('exports are declarations, their lines begin with the word', () => {
	for (const module of modules) {
		for (const line of read(`web/${module}`).split('\n').filter((text) => /^\s*export\b/.test(text)))
			assert.match(line, /^export (const|function|async function|class) \w/, module);
	}
});

test('names at top level are unique over all modules', () => {
	const owners = new Map();
	for (const module of modules) {
		for (const name of names(read(`web/${module}`))) {
			assert.ok(!owners.has(name), `${name} is in ${owners.get(name)} and ${module}`);
			owners.set(name, module);
		}
	}
	assert.ok(owners.size > 50);
});

test('no module makes markup or code of a string', () => {
	for (const module of modules)
		assert.doesNotMatch(read(`web/${module}`), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\('(on|style)/, module);
});

test('the page has the two lines that are replaced, and nothing inline', () => {
	const page = read('web/index.html');
	assert.ok(page.includes('<link rel=stylesheet href=wick.css>\n'));
	assert.ok(page.includes('<script type=module src=main.js></script>\n'));
	assert.doesNotMatch(page, /\son\w+=|\sstyle=|<script>(?!<)/);
});
