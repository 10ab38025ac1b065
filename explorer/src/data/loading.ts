/**
 * Chunks by name, from script files beside the page or from data blocks inside it.
 *
 * From `file://` a page can load nothing but classic scripts and pictures. A chunk is a script that calls
 * `retinoscope.chunk`; what does not call it, because it is missing or cut short, is damaged and said so where it is
 * wanted.
 */

import { BYTES, bytesOf, decodeChunk, decodeCodes, rowsIn } from "./decoding";
import type { Activity, Column, Index, Pictures } from "./schema";

/** Data that cannot be had; the message is for people. */
export class Damaged extends Error {}

const KEPT_BYTES = 120_000_000;

const texts = new Map<string, string>();
const kept = new Map<string, Promise<unknown>>();
const sizes = new Map<string, number>();
let base = "explorer/data";

let tellIndex: (index: Index) => void = () => {};
/** The index, when its script has run. */
export const indexArrived = new Promise<Index>((resolve) => {
	tellIndex = resolve;
});

declare global {
	interface Window {
		retinoscope: { index: (index: Index) => void; chunk: (path: string, number: number, text: string) => void };
	}
}

/** What the data scripts call. */
export function listen(): void {
	window.retinoscope = {
		index: (index) => tellIndex(index),
		chunk: (path, number, text) => texts.set(`${path}/${number}`, text),
	};
	const inside = document.getElementById("retinoscope-index");
	if (inside?.textContent) tellIndex(JSON.parse(inside.textContent) as Index);
	const script = document.querySelector<HTMLScriptElement>('script[src$="data/index.js"]');
	if (script) base = script.getAttribute("src")?.replace(/\/index\.js$/, "") ?? base;
}

function textInside(path: string, number: number): string | null {
	const block = document.querySelector(`script[data-path="${CSS.escape(path)}"][data-chunk="${number}"]`);
	return block?.textContent ?? null;
}

function loadScript(path: string, number: number): Promise<string> {
	const name = `${path}/${number}`;
	return new Promise((resolve, reject) => {
		const script = document.createElement("script");
		script.src = `${base}/${name}.js`;
		script.onload = () => {
			const text = texts.get(name);
			texts.delete(name);
			script.remove();
			if (text === undefined) reject(new Damaged(`${base}/${name}.js is damaged; make the page again`));
			else resolve(text);
		};
		script.onerror = () => {
			script.remove();
			reject(new Damaged(`${base}/${name}.js is missing; make the page again, or copy the whole folder`));
		};
		document.head.append(script);
	});
}

/** The bytes of a chunk; never kept, what is made of them is. */
async function bytesOfChunk(path: string, number: number, expected: number | null): Promise<Uint8Array<ArrayBuffer>> {
	const text = textInside(path, number) ?? (await loadScript(path, number));
	let bytes: Uint8Array<ArrayBuffer>;
	try {
		bytes = bytesOf(text);
	} catch {
		throw new Damaged(`${base}/${path}/${number}.js is damaged; make the page again`);
	}
	if (expected !== null && bytes.length !== expected)
		throw new Damaged(
			`${base}/${path}/${number}.js is damaged: ${bytes.length} bytes, ${expected} expected; make the page again`,
		);
	return bytes;
}

/** Kept until others need the room; the least recently used goes first. Failures are not kept. */
function keep<T>(key: string, make: () => Promise<T>, size: (made: T) => number): Promise<T> {
	const held = kept.get(key) as Promise<T> | undefined;
	if (held) {
		kept.delete(key);
		kept.set(key, held);
		return held;
	}
	const made = make();
	kept.set(key, made);
	made.then(
		(value) => {
			sizes.set(key, size(value));
			makeRoom(key);
		},
		() => kept.delete(key),
	);
	return made;
}

function makeRoom(newest: string): void {
	let total = 0;
	for (const size of sizes.values()) total += size;
	for (const key of kept.keys()) {
		if (total <= KEPT_BYTES) return;
		const size = sizes.get(key);
		if (key === newest || size === undefined) continue;
		total -= size;
		sizes.delete(key);
		kept.delete(key);
	}
}

type Numbers = Float32Array<ArrayBuffer>;
const lengthOf = ({ byteLength }: { byteLength: number }): number => byteLength;

function chunkOf(column: Column, number: number): Promise<Numbers> {
	return keep(
		`${column.path}/${number}`,
		async () => {
			const expected = rowsIn(column, number) * column.width * BYTES[column.encoding];
			return decodeChunk(column, await bytesOfChunk(column.path, number, expected));
		},
		lengthOf,
	);
}

/** Rows [start, stop) of a column, row after row. */
export async function readRows(column: Column, start: number, stop: number): Promise<Numbers> {
	const first = Math.floor(start / column.chunk_rows);
	const last = Math.floor(Math.max(stop - 1, start) / column.chunk_rows);
	const numbers = Array.from({ length: stop > start ? last - first + 1 : 0 }, (_, i) => first + i);
	const chunks = await Promise.all(numbers.map((number) => chunkOf(column, number)));
	const found = new Float32Array((stop - start) * column.width);
	chunks.forEach((chunk, i) => {
		const begins = (first + i) * column.chunk_rows;
		const from = Math.max(start, begins);
		const to = Math.min(stop, begins + column.chunk_rows);
		found.set(
			chunk.subarray((from - begins) * column.width, (to - begins) * column.width),
			(from - start) * column.width,
		);
	});
	return found;
}

/** A whole column, kept as one. */
export function readColumn(column: Column): Promise<Numbers> {
	if (column.rows <= column.chunk_rows)
		return column.rows === 0 ? Promise.resolve(new Float32Array(0)) : chunkOf(column, 0);
	return keep(`${column.path}/all`, () => readRows(column, 0, column.rows), lengthOf);
}

/** As it is stored, of half the size of numbers: of its many units few are looked at. */
function blockOf(activity: Activity, group: number, block: number): Promise<Uint16Array<ArrayBuffer>> {
	const blocks = Math.ceil(activity.rows / activity.chunk_rows);
	const rows = Math.min(activity.chunk_rows, activity.rows - block * activity.chunk_rows);
	const units = Math.min(activity.chunk_units, activity.units - group * activity.chunk_units);
	const number = group * blocks + block;
	return keep(
		`${activity.path}/${number}`,
		async () => new Uint16Array((await bytesOfChunk(activity.path, number, rows * units * 2)).buffer),
		lengthOf,
	);
}

/** Activity of one unit at moments [start, stop). */
export async function readUnit(activity: Activity, unit: number, start = 0, stop = activity.rows): Promise<Numbers> {
	const group = Math.floor(unit / activity.chunk_units);
	const first = Math.floor(start / activity.chunk_rows);
	const last = Math.floor(Math.max(stop - 1, start) / activity.chunk_rows);
	const numbers = Array.from({ length: stop > start ? last - first + 1 : 0 }, (_, i) => first + i);
	const blocks = await Promise.all(numbers.map((number) => blockOf(activity, group, number)));
	const found = new Float32Array(stop - start);
	const [low, high] = [activity.low[unit] as number, activity.high[unit] as number];
	blocks.forEach((block, i) => {
		const begins = (first + i) * activity.chunk_rows;
		const rows = Math.min(activity.chunk_rows, activity.rows - begins);
		const at = (unit % activity.chunk_units) * rows;
		const from = Math.max(start, begins);
		const to = Math.min(stop, begins + rows);
		found.set(decodeCodes(block.subarray(at + from - begins, at + to - begins), low, high), from - start);
	});
	return found;
}

/** A sprite sheet as a picture that can be drawn, and whose canvas can be saved. */
export function readSheet(pictures: Pictures, sheet: number): Promise<ImageBitmap> {
	return keep(
		`${pictures.path}/${sheet}`,
		async () => {
			const bytes = await bytesOfChunk(pictures.path, sheet, null);
			try {
				return await createImageBitmap(new Blob([bytes], { type: pictures.type }));
			} catch {
				throw new Damaged(`${base}/${pictures.path}/${sheet}.js holds no picture; make the page again`);
			}
		},
		(bitmap) => bitmap.width * bitmap.height * 4,
	);
}

/** Where picture `number` lies in its sheet. */
export function placeOf(pictures: Pictures, number: number): { sheet: number; left: number; top: number } {
	const at = number % pictures.per_sheet;
	return {
		sheet: Math.floor(number / pictures.per_sheet),
		left: (at % pictures.across) * pictures.width,
		top: Math.floor(at / pictures.across) * pictures.height,
	};
}
