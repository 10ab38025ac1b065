/**
 * A small recording whose every number is known, written as Python writes it, and served as the page's scripts are.
 *
 * Moment r has value r / 10, reward 1 at events, and fuel 100 - r; unit u of a layer has activity r * (u + 1) / 100.
 * Memory unit 5 is not a number at moment 7. Three episodes begin at 0, 15 and 30; the last one was cut.
 */

import { vi } from "vitest";
import type { Activity, Column, Encoding, Index, Layer, Pictures } from "../src/data/schema";

export const ROWS = 40;
const CHUNK_ROWS = 16;

export interface Planted {
	index: Index;
	/** Base64 by "PATH/NUMBER". Take one out, or cut one short, and the page has damaged data. */
	chunks: Map<string, string>;
}

const base64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

function bytesOf(values: number[], encoding: Encoding): Uint8Array {
	const types = {
		float32: Float32Array,
		int32: Int32Array,
		uint8: Uint8Array,
		code8: Uint8Array,
		code16: Uint16Array,
	};
	return new Uint8Array(types[encoding].from(values).buffer);
}

/** Writes columns as Python does. */
export class Writer {
	readonly chunks = new Map<string, string>();

	column(path: string, values: number[], width = 1, encoding: Encoding = "float32", scale?: [number, number]): Column {
		const rows = values.length / width;
		for (let start = 0, number = 0; start < rows; start += CHUNK_ROWS, number++) {
			const part = values.slice(start * width, (start + CHUNK_ROWS) * width);
			const stored = scale ? part.map((value) => code(value, scale, encoding === "code8" ? 254 : 65534)) : part;
			this.chunks.set(`${path}/${number}`, base64(bytesOf(stored, encoding)));
		}
		const column: Column = { path, rows, width, encoding, chunk_rows: CHUNK_ROWS };
		return scale ? { ...column, low: [scale[0]], high: [scale[1]] } : column;
	}

	/** Units in groups of two, moments in blocks of sixteen. */
	activity(path: string, units: number, at: (row: number, unit: number) => number): Activity {
		const [low, high] = [0, ROWS];
		const blocks = Math.ceil(ROWS / CHUNK_ROWS);
		for (let group = 0; group * 2 < units; group++)
			for (let block = 0; block < blocks; block++) {
				const codes: number[] = [];
				for (let unit = group * 2; unit < Math.min(group * 2 + 2, units); unit++)
					for (let row = block * CHUNK_ROWS; row < Math.min((block + 1) * CHUNK_ROWS, ROWS); row++)
						codes.push(code(at(row, unit), [low, high], 65534));
				this.chunks.set(`${path}/${group * blocks + block}`, base64(bytesOf(codes, "code16")));
			}
		const all = (value: number) => Array.from({ length: units }, () => value);
		return { path, rows: ROWS, units, chunk_rows: CHUNK_ROWS, chunk_units: 2, low: all(low), high: all(high) };
	}
}

function code(value: number, [low, high]: [number, number], highest: number): number {
	return Number.isNaN(value) ? highest + 1 : Math.round(((value - low) / (high - low)) * highest);
}

const rows = <T>(make: (row: number) => T): T[] => Array.from({ length: ROWS }, (_, row) => make(row));
const EVENTS = { apple: [5, 20], poison: [12], door: [33] };

function layerOf(writer: Writer, name: string, units: number, quantity: string): Layer {
	const at = (row: number, unit: number) =>
		name === "memory" && unit === 5 && row === 7 ? Number.NaN : (row * (unit + 1)) / 100;
	const flat = rows((row) => Array.from({ length: units }, (_, unit) => at(row, unit))).flat();
	return {
		name,
		title: name === "memory" ? "Memory" : "First convolution",
		role: name === "memory" ? "memory" : "convolution",
		units,
		quantity,
		number_units: "",
		activity: writer.activity(`activity/${name}`, units, at),
		overview: { column: writer.column(`overview/${name}`, flat, units, "code8", [0, ROWS]), rows_per_bin: 1 },
	};
}

export function planted(): Planted {
	const writer = new Writer();
	const happened = Object.values(EVENTS).flat();
	const frames: Pictures = {
		path: "frames",
		count: ROWS,
		height: 4,
		width: 6,
		per_sheet: 16,
		across: 4,
		type: "image/png",
		is_exact: true,
	};
	for (let sheet = 0; sheet < 3; sheet++) writer.chunks.set(`frames/${sheet}`, base64(new Uint8Array([sheet])));
	const event = (name: keyof typeof EVENTS, valence: number | null) => ({
		name,
		valence,
		units: "",
		rows: writer.column(`events/${name}`, EVENTS[name], 1, "int32"),
	});
	const map = (row: number) => Array.from({ length: 24 }, (_, pixel) => (pixel === row ? 1 : pixel === 0 ? -0.5 : 0));
	const saliency = (name: string, moments: number[], layer: string | null, unit: number | null) => ({
		name,
		title: name,
		layer,
		unit,
		verdict: "changes with the weights (correlation 0.1)",
		has_passed: true,
		rows: writer.column(`saliency/${name}/rows`, moments, 1, "int32"),
		maps: writer.column(`saliency/${name}/maps`, moments.flatMap(map), 24, "code8", [-1, 1]),
	});
	const index: Index = {
		schema: 1,
		identity: "planted",
		title: "A planted agent",
		subtitle: "40 decisions",
		recording: {
			rows: ROWS,
			seconds_per_decision: 0.5,
			episodes: [
				{ start: 0, stop: 15, ending: "death" },
				{ start: 15, stop: 30, ending: "time limit" },
				{ start: 30, stop: 40, ending: "" },
			],
			frames,
			heads: [
				{ name: "turn", kind: "choice", outputs: ["left", "right"] },
				{ name: "move", kind: "choice", outputs: ["stay", "forward", "back"] },
			],
			actions: writer.column("actions", rows((row) => [row % 2, row % 3]).flat(), 2, "int32"),
			outputs: writer.column("outputs", rows(() => [0.25, 0.75, 0.1, 0.2, 0.7]).flat(), 5),
			value: writer.column(
				"value",
				rows((row) => row / 10),
			),
			reward: writer.column(
				"reward",
				rows((row) => (happened.includes(row) ? 1 : 0)),
			),
			variables: [
				{
					name: "fuel",
					title: "Fuel",
					units: "l",
					kind: "quantity",
					labels: [],
					column: writer.column(
						"variables/fuel",
						rows((row) => 100 - row),
					),
				},
				{
					name: "position",
					title: "Position",
					units: "m",
					kind: "place",
					labels: ["x", "y"],
					column: writer.column("variables/position", rows((row) => [row, -row]).flat(), 2),
				},
			],
			events: [event("apple", 1), event("poison", -1), event("door", null)],
			objects: {
				classes: ["apple", "poison"],
				valences: [1, -1],
				first: writer.column("objects/first", [...rows((row) => Math.min(row, 2)), 2], 1, "int32"),
				objects: writer.column("objects/objects", [0, 1, 1, 2, 2, 30, 1, 3, 0, 1, 1, 60], 6),
				distance_units: "m",
			},
			words: { positive: "apple", negative: "poison", event: "pick-up", events: "pick-ups" },
		},
		layers: [layerOf(writer, "conv1", 4, "mean over the map"), layerOf(writer, "memory", 6, "activity")],
		panels: [
			{
				kind: "points",
				name: "embedding-memory",
				analysis: "embedding",
				title: "Memory",
				caption: "",
				layer: "memory",
				rows: writer.column(
					"points/rows",
					rows((row) => row),
					1,
					"int32",
				),
				points: writer.column("points/points", rows((row) => [row, row % 2]).flat(), 2),
				note: "keeps 55% of neighbours",
			},
			{
				kind: "examples",
				name: "examples-memory",
				analysis: "examples",
				title: "Examples",
				caption: "",
				layer: "memory",
				steps: 4,
				gradient_step: 2,
				samples: writer.column("examples/samples", [0, 10, 20], 1, "int32"),
				names: [],
				lists: [
					{
						scope: "any step",
						level: "highest",
						listed: writer.column(
							"examples/highest",
							[1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
							3,
							"uint8",
						),
					},
				],
			},
			{
				kind: "saliency",
				name: "saliency",
				analysis: "saliency",
				title: "Saliency",
				caption: "",
				height: 4,
				width: 6,
				targets: [saliency("value", [3, 10, 20], null, null), saliency("component", [10], "memory", 2)],
			},
		],
		not_made: [],
		advice: { recording: "retinoscope record", frames: "retinoscope record --frames" },
	};
	return { index, chunks: writer.chunks };
}

/** Serve chunks to script tags as files beside the page are served. Needs a DOM. Returns names asked for, in order. */
export function serve(chunks: Map<string, string>): string[] {
	const asked: string[] = [];
	vi.spyOn(document.head, "append").mockImplementation((...nodes) => {
		for (const script of nodes as HTMLScriptElement[]) {
			const name = script.src.replace(/^.*explorer\/data\//, "").replace(/\.js$/, "");
			asked.push(name);
			const text = chunks.get(name);
			queueMicrotask(() => {
				if (text === undefined) return script.onerror?.(new Event("error"));
				const slash = name.lastIndexOf("/");
				if (text) window.retinoscope.chunk(name.slice(0, slash), Number(name.slice(slash + 1)), text);
				script.onload?.(new Event("load"));
			});
		}
	});
	return asked;
}
