/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where profiles come from: the element "profile" of a page that was written to a file, else the server
 * this page came from. Both have list() and read(entry).
 */

const TOKEN_KEY = 'wick-token';

function fromBase64(text) {
	const binary = atob(text.trim());
	const bytes = new Uint8Array(binary.length);
	for (let i = 0; i < bytes.length; i++)
		bytes[i] = binary.charCodeAt(i);
	return bytes;
}

class EmbeddedSource {
	constructor(element) {
		this.element = element;
	}

	async list() {
		return [{ id: 0, name: '', time_ns: 0 }];
	}

	async read() {
		return fromBase64(this.element.textContent);
	}
}

class ServerSource {
	constructor(token) {
		if (token !== null)
			sessionStorage.setItem(TOKEN_KEY, token);
		this.token = token ?? sessionStorage.getItem(TOKEN_KEY);
	}

	async fetch(path) {
		const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
		let response;
		try {
			response = await fetch(path, { headers, cache: 'no-store' });
		} catch {
			throw new Error('the server does not answer: has wick ended?');
		}
		if (response.status === 401)
			throw new Error('this page needs the token\nOpen the address that wick printed: it ends in #token=..');
		if (!response.ok)
			throw new Error((await response.text()).slice(0, 300));
		return response;
	}

	async list() {
		return (await this.fetch('api/profiles')).json();
	}

	/* A range of the store has two times instead of an id. */
	async read({ id, from, to }) {
		const path = from ? `api/export?from=${from}&to=${to}` : `api/profile/${encodeURIComponent(id)}`;
		const response = await this.fetch(path);
		return new Uint8Array(await response.arrayBuffer());
	}
}

/* token: from the address, or null. */
export function openSource(token) {
	const element = document.getElementById('profile');
	return element ? new EmbeddedSource(element) : new ServerSource(token);
}
