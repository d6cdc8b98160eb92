/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of an SVG flame graph (formats/svg.c): zoom, search, reset. A frame is a <g> of title, rect and text;
 * the title's first line is its name. */
'use strict';
(() => {
	const CHAR = 6.95, SPACE = 6;
	const byId = (id) => document.getElementById(id);
	const number = (element, name) => parseFloat(element.getAttribute(name));
	const frames = Array.from(byId('frames').children, (group) => {
		const [title, rect, text] = group.children;
		return {
			group, rect, text, name: title.textContent.split('\n', 1)[0],
			left: number(rect, 'x'), width: number(rect, 'width'), top: number(rect, 'y'),
		};
	});
	const whole = frames[0];
	const NEAR = 0.011; // numbers are written with two digits
	let zoomed = whole, matcher = null;

	const isWithin = (inner, outer) => inner.top >= outer.top && inner.left >= outer.left - NEAR &&
		inner.left + inner.width <= outer.left + outer.width + NEAR;

	function label(frame, width) {
		const letters = Array.from(frame.name), fits = Math.floor((width - SPACE) / CHAR);
		frame.text.textContent = letters.length <= fits ? frame.name :
			fits < 3 ? '' : `${letters.slice(0, fits - 1).join('')}\u2026`;
	}

	function place(frame, left, width) {
		frame.rect.setAttribute('x', left);
		frame.rect.setAttribute('width', width);
		frame.text.setAttribute('x', left + 3);
		label(frame, width);
	}

	function zoom(to) {
		const scale = whole.width / to.width;
		zoomed = to;
		for (const frame of frames) {
			const isAbove = frame !== to && isWithin(to, frame);
			const isShown = isAbove || isWithin(frame, to);
			frame.group.classList.toggle('gone', !isShown);
			frame.group.classList.toggle('above', isAbove);
			if (isAbove)
				place(frame, whole.left, whole.width);
			else if (isShown)
				place(frame, whole.left + (frame.left - to.left) * scale, frame.width * scale);
		}
		byId('reset').classList.toggle('gone', to === whole);
		count();
	}

	/* "abc" in any case, or "/expression/", as in the viewer. */
	function makeMatcher(text) {
		const [, source, flags] = /^\/(.+)\/(i?)$/s.exec(text) ?? [];
		if (source !== undefined) {
			const expression = new RegExp(source, flags + 'u');
			return (name) => expression.test(name);
		}
		const wanted = text.toLowerCase();
		return (name) => name.toLowerCase().includes(wanted);
	}

	/* Boxes come level by level: what lies under a counted one is not counted again. */
	function count() {
		const counted = [];
		let sum = 0;
		for (const frame of frames) {
			const isMatch = matcher !== null && frame !== whole && matcher(frame.name);
			frame.group.classList.toggle('match', isMatch);
			if (!isMatch || !isWithin(frame, zoomed) && !isWithin(zoomed, frame) ||
			    counted.some((other) => isWithin(frame, other)))
				continue;
			counted.push(frame);
			sum += Math.min(frame.width, zoomed.width);
		}
		byId('matched').textContent = matcher ? `${(100 * sum / zoomed.width).toFixed(1)} % matched` : '';
	}

	function search(text) {
		try {
			matcher = text ? makeMatcher(text) : null;
			count();
		} catch {
			byId('matched').textContent = 'not a regular expression';
		}
	}

	function ask() {
		const text = prompt('Search: text or /regex/', '');
		if (text !== null)
			search(text);
	}

	for (const frame of frames)
		frame.group.addEventListener('click', () => zoom(frame));
	byId('reset').addEventListener('click', () => zoom(whole));
	byId('search').addEventListener('click', ask);
	addEventListener('keydown', (event) => {
		if ((event.ctrlKey || event.metaKey) && event.key === 'f' || event.key === '/') {
			event.preventDefault();
			ask();
		} else if (event.key === 'Escape') {
			search('');
			zoom(whole);
		}
	});
	Object.defineProperty(window, 'wick', { value: Object.freeze({ search }) });
})();
